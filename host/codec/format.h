/* format.h -- in which bytes arguments come and results leave.
 *
 * WHY   A call over HTTP speaks JSON, one from a spec or another actor speaks values.
 * ROOM  codec.
 */
#ifndef TROUPE_FORMAT_H
#define TROUPE_FORMAT_H

enum format {
  FORMAT_JSON,     /* JSON text */
  FORMAT_VALUE     /* a value (codec/value.h) */
};

#endif
