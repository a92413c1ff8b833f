/* err.h -- the one list of errors: value, code string, HTTP status; and what those statuses are called.
 *
 * WHY   A code is a promise to users (lua/README.md, "Errors"); it is written down once.
 * ROOM  base.
 */
#ifndef TROUPE_ERR_H
#define TROUPE_ERR_H

/* Each status that the host answers with, and its words (RFC 9110, RFC 4918, RFC 5842). One that is not here does not
 * compile in the list below. */
#define HTTP_LIST(X)               \
  X(101, "Switching Protocols")    \
  X(200, "OK")                     \
  X(204, "No Content")             \
  X(206, "Partial Content")        \
  X(301, "Moved Permanently")      \
  X(304, "Not Modified")           \
  X(400, "Bad Request")            \
  X(401, "Unauthorized")           \
  X(403, "Forbidden")              \
  X(404, "Not Found")              \
  X(405, "Method Not Allowed")     \
  X(409, "Conflict")               \
  X(413, "Payload Too Large")      \
  X(416, "Range Not Satisfiable")  \
  X(426, "Upgrade Required")       \
  X(500, "Internal Server Error")  \
  X(503, "Service Unavailable")    \
  X(504, "Gateway Timeout")        \
  X(507, "Insufficient Storage")   \
  X(508, "Loop Detected")

enum {
#define HTTP_VALUE(status, reason) HTTP_##status = (status),
  HTTP_LIST(HTTP_VALUE)
#undef HTTP_VALUE
};

/*  value                  code                 HTTP  */
#define ERR_LIST(X)                                    \
  X(ERR_USER,              "user_error",        400)   \
  X(ERR_REQUEST,           "invalid_request",   400)   \
  X(ERR_ARGUMENTS,         "invalid_arguments", 400)   \
  X(ERR_KEY,               "invalid_key",       400)   \
  X(ERR_UNAUTHORIZED,      "unauthorized",      401)   \
  X(ERR_ORIGIN,            "forbidden_origin",  403)   \
  X(ERR_PATH,              "path_not_found",    404)   \
  X(ERR_CLASS_NOT_FOUND,   "class_not_found",   404)   \
  X(ERR_METHOD_NOT_FOUND,  "method_not_found",  404)   \
  X(ERR_ACTOR_NOT_FOUND,   "actor_not_found",   404)   \
  X(ERR_FAILED_NOT_FOUND,  "failed_not_found",  404)   \
  X(ERR_NOT_ALLOWED,       "method_not_allowed", 405)  \
  X(ERR_INTERRUPTED,       "interrupted",       409)   \
  X(ERR_TOO_LARGE,         "payload_too_large", 413)   \
  X(ERR_UPGRADE,           "upgrade_required",  426)   \
  X(ERR_INTERNAL,          "internal_error",    500)   \
  X(ERR_OVERLOADED,        "overloaded",        503)   \
  X(ERR_STORAGE,           "storage_error",     503)   \
  X(ERR_TIMEOUT,           "timeout",           504)   \
  X(ERR_MEMORY,            "out_of_memory",     507)   \
  X(ERR_DEADLOCK,          "deadlock",          508)   \
  X(ERR_TOO_DEEP,          "call_too_deep",     508)

enum err {
  ERR_NONE = 0,
#define ERR_VALUE(value, code, status) value,
  ERR_LIST(ERR_VALUE)
#undef ERR_VALUE
  ERR_NOT_FOUND,       /* inside the host only: no such record */
  ERR_FATAL,           /* inside the host only: it is unknown what is on disk; the host must end */
  ERR_COUNT
};

/* The code string of an error, a constant: err_code(ERR_KEY) is "invalid_key". */
const char *err_code(enum err err);

/* The HTTP status of an error; 200 for ERR_NONE. */
int err_status(enum err err);

/* Whether an error says that what the client asked for cannot be, and so may come from what the client sent only. Those
 * that name a limit may come from both. */
int err_blames_client(enum err err);

/* Whether a text is the code of an error of the host, and so taken: a UserError may not have it.
 * "user_error" is not taken. */
int err_is_reserved(const char *code);

#endif
