/* forwarded.h - who is at the other end, where a proxy that is believed is in between.
 * X-Forwarded-For, -Proto and -Host are believed from listed proxies only; from all others,
 * and in the form of RFC 7239 (Forwarded), they mean nothing. Nothing here does I/O. */
#ifndef MO_SERVE_FORWARDED_H
#define MO_SERVE_FORWARDED_H

#include "serve/http/http.h"

/* A network: an address of 16 bytes (version 4 in the mapped form), and how many bits count. */
typedef struct mo_network {
    uint8_t at[16];
    uint32_t bits;
} mo_network;

/* "10.0.0.0/8", "::1", "2001:db8::/32". false: it is none, or has bits beyond its length. */
bool mo_network_read(const char *text, mo_network *ret);
/* An address as text, without port; also "[::1]". */
bool mo_address_read(mo_span text, uint8_t ret[16]);
bool mo_networks_hold(const mo_network *networks, size_t n, const uint8_t address[16]);

/* What a request of a believed proxy says. Where one is missing or makes no sense, what the
 * connection knows holds. */
typedef struct mo_forwarded {
    char address[48];          /* the last in X-Forwarded-For that is no proxy of ours; "": not told */
    bool has_scheme, is_https; /* X-Forwarded-Proto                                    */
    mo_span host;              /* X-Forwarded-Host, points into the head; empty: not told */
} mo_forwarded;
void mo_forwarded_read(const mo_http_head *head, const mo_network *networks, size_t n, mo_forwarded *ret);

/* The connection's facts (conn.h) as they are for that request; room holds them. */
enum { MO_FORWARDED_FACTS = 256 };
mo_span mo_forwarded_facts(const mo_forwarded *f, mo_span facts, char room[MO_FORWARDED_FACTS], size_t *retn);

#endif
