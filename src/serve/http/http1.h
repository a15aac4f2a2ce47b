/* http1.h - HTTP/1.1 on a connection: one request after the other. */
#ifndef MO_SERVE_HTTP1_H
#define MO_SERVE_HTTP1_H

#include "serve/http/conn.h"

extern const mo_protocol mo_http1;

#endif
