/* cors.h -- what a browser asks and reads for the page that it shows (cross-origin resource sharing).
 *
 * WHY     A browser sends the calls of a page only where the host has said that it may, and hands an answer to the page only
 *         where the answer says so. origin.h decides which pages; here that is said in headers.
 * ROOM    door. Below: base.
 * THREAD  The server's.
 * OWNS    Nothing.
 * BYTES   https://fetch.spec.whatwg.org/#http-cors-protocol
 */
#ifndef TROUPE_CORS_H
#define TROUPE_CORS_H

#include "door/h2o_api.h"
#include "door/origin.h"

/* Lets the page of a welcome origin read the answer. False where a page asks that may not. */
bool cors_greet(const struct origins *origins, h2o_req_t *req);

/* Whether a browser asks before it sends what no plain form could: whatever the path, so that the page hears of a wrong one
 * itself. */
bool cors_is_preflight(const h2o_req_t *req);

/* The page has been greeted. */
void cors_answer_preflight(h2o_req_t *req);

#endif
