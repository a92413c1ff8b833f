/* cors.h -- what a browser asks and reads on behalf of a page (cross-origin resource sharing).
 *
 * WHY     A browser sends a page's calls only if the host has allowed them, and hands an answer to the page only if the
 *         answer says so. origin.h decides which pages are allowed; this file says it in headers.
 * ROOM    door. Below: base.
 * THREAD  The server's.
 * OWNS    Nothing.
 * BYTES   https://fetch.spec.whatwg.org/#http-cors-protocol
 */
#ifndef TROUPE_CORS_H
#define TROUPE_CORS_H

#include "door/h2o_api.h"
#include "door/origin.h"

/* Lets the page of a welcome origin read the answer. False if the page that asks is not welcome. */
bool cors_greet(const struct origins *origins, h2o_req_t *req);

/* Whether this is a browser's question before a request that a plain form could not send. It is answered for every path, so
 * that the page itself hears of a wrong one. */
bool cors_is_preflight(const h2o_req_t *req);

/* After cors_greet(). */
void cors_answer_preflight(h2o_req_t *req);

#endif
