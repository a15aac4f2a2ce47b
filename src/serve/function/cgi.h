/* cgi.h - programs of preview 1 as CGI/1.1 scripts (RFC 3875): a request's facts are variables
 * of their environment, its body standard input; standard output is a head and a body,
 * standard error lines for the log.
 *
 *   cgi.c         the kind of function, streams, what becomes of the end
 *   cgi_env.c     head -> variables
 *   cgi_answer.c  bytes of standard output -> an answer's head */
#ifndef MO_SERVE_CGI_H
#define MO_SERVE_CGI_H

#include "serve/http/exchange.h"
#include "serve/http/http.h"

typedef struct mo_cgi mo_cgi;
mo_cgi *mo_cgi_new(void); /* NULL: memory is out */
void mo_cgi_free(mo_cgi *cgi);

/* --- the environment ------------------------------------------------------------ */

/* Strings "NAME=value", each terminated, one after the other. */
typedef struct mo_cgi_env {
    char *at;
    size_t len, cap, n;
    bool full;
} mo_cgi_env;

/* Appends the request's variables to what is in env: its meta-variables, then HTTP_....
 * script: what of the path is the route's, the rest is PATH_INFO; facts: n strings of the connection's. 0, or the status to answer: 400 (two fields that
 * would be one variable, an underscore, a path that cannot be decoded), 431. */
int mo_cgi_put_request(mo_cgi_env *env, const mo_http_head *head, mo_span script, mo_span facts, size_t nfacts);
void mo_cgi_put_all(mo_cgi_env *env, const void *strings, size_t len, size_t n);
void mo_cgi_put(mo_cgi_env *env, const char *name, mo_span value); /* name with its "=" */
/* A field that is kept back otherwise, as HTTP_...; nothing where there is none. */
void mo_cgi_put_named(mo_cgi_env *env, const mo_http_head *head, const char *small);

/* --- the answer -------------------------------------------------------------------- */

/* Looks for the end of the head, from *at on: its length with the empty line, or 0. */
size_t mo_cgi_find(const uint8_t *bytes, size_t len, size_t *at);
/* Turns a head into an answer; its fields are written to room. false: it makes no sense, and
 * *why tells in words. */
bool mo_cgi_parse(const uint8_t *bytes, size_t len, uint8_t *room, size_t size, mo_answer *ret, const char **why);

#endif
