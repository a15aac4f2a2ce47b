/* forwarded.c - addresses, networks, and the fields that a proxy adds. */
#include "serve/http/forwarded.h"

#include <arpa/inet.h>
#include <stdlib.h>

/* --- addresses ---------------------------------------------------------------------- */

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* false: it is no address. *v4: of version 4. */
static bool read_address(const char *text, uint8_t ret[16], bool *v4)
{
    memcpy(ret, mapped, sizeof mapped);
    *v4 = inet_pton(AF_INET, text, ret + 12) == 1;
    return *v4 || inet_pton(AF_INET6, text, ret) == 1;
}

bool mo_address_read(mo_span text, uint8_t ret[16])
{
    char room[INET6_ADDRSTRLEN];
    bool v4;
    if (text.len > 2 && text.at[0] == '[' && text.at[text.len - 1] == ']')
        text = (mo_span){text.at + 1, text.len - 2};
    if (text.len >= sizeof room)
        return false;
    memcpy(room, text.at, text.len);
    room[text.len] = 0;
    return memchr(room, 0, text.len) == NULL && read_address(room, ret, &v4);
}

static bool same_bits(const uint8_t *a, const uint8_t *b, uint32_t bits)
{
    uint8_t mask = (uint8_t)(0xff00 >> bits % 8);
    return memcmp(a, b, bits / 8) == 0 && (bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0);
}

static bool read_bits(const char *text, uint32_t most, uint32_t *ret)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    *ret = (uint32_t)n;
    return text[0] >= '0' && text[0] <= '9' && !*end && n <= most;
}

static bool has_more_bits(const mo_network *n)
{
    mo_network cut = {.bits = n->bits};
    for (uint32_t i = 0; i < n->bits; i++)
        cut.at[i / 8] |= (uint8_t)(n->at[i / 8] & 0x80 >> i % 8);
    return memcmp(cut.at, n->at, sizeof cut.at) != 0;
}

bool mo_network_read(const char *text, mo_network *ret)
{
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    bool v4;
    if (len >= sizeof address)
        return false;
    memcpy(address, text, len);
    address[len] = 0;
    if (!read_address(address, ret->at, &v4))
        return false;
    ret->bits = v4 ? 32 : 128;
    if (slash && !read_bits(slash + 1, ret->bits, &ret->bits))
        return false;
    ret->bits += v4 ? 96 : 0;
    return !has_more_bits(ret);
}

bool mo_networks_hold(const mo_network *networks, size_t n, const uint8_t address[16])
{
    for (size_t i = 0; i < n; i++)
        if (same_bits(networks[i].at, address, networks[i].bits))
            return true;
    return false;
}

/* --- fields ----------------------------------------------------------------------------- */

/* Takes the last element of a list; false: there is none left. */
static bool take_last(mo_span *list, mo_span *ret)
{
    size_t at = list->len;
    if (!list->at)
        return false;
    while (at > 0 && list->at[at - 1] != ',')
        at--;
    *ret = mo_http_trim((mo_span){list->at + at, list->len - at});
    *list = at ? (mo_span){list->at, at - 1} : (mo_span){NULL, 0};
    return true;
}

/* Without a port, which some proxies add: "192.0.2.1:80", "[2001:db8::1]:80". */
static mo_span without_port(mo_span s)
{
    const uint8_t *colon = s.len ? memchr(s.at, ':', s.len) : NULL, *bracket = s.len ? memchr(s.at, ']', s.len) : NULL;
    if (bracket)
        return (mo_span){s.at, (size_t)(bracket - s.at) + 1};
    if (colon && !memchr(colon + 1, ':', s.len - (size_t)(colon - s.at) - 1))
        return (mo_span){s.at, (size_t)(colon - s.at)};
    return s;
}

static void tell_address(const uint8_t address[16], char *ret, size_t size)
{
    bool v4 = memcmp(address, mapped, sizeof mapped) == 0;
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address + 12 : address, ret, (socklen_t)size);
}

/* From the last to the first, over all fields of that name: each proxy adds who spoke to it,
 * and what stands before an address that is no proxy of ours anybody can have written. */
static void read_addresses(const mo_http_head *head, const mo_network *networks, size_t n, mo_forwarded *ret)
{
    uint8_t address[16];
    mo_span one;
    for (size_t i = head->nfields; i-- > 0;) {
        if (!mo_http_is(head->fields[i].name, "x-forwarded-for"))
            continue;
        mo_span list = head->fields[i].value;
        while (take_last(&list, &one)) {
            if (!mo_address_read(without_port(one), address))
                return;
            tell_address(address, ret->address, sizeof ret->address);
            if (!mo_networks_hold(networks, n, address))
                return;
        }
    }
}

/* The last one: what proxies before it said they only passed on. */
static mo_span last_of(const mo_http_head *head, const char *name)
{
    mo_span one = {NULL, 0};
    for (size_t i = head->nfields; i-- > 0;)
        if (mo_http_is(head->fields[i].name, name)) {
            mo_span list = head->fields[i].value;
            take_last(&list, &one);
            break;
        }
    return one;
}

static bool is_host(mo_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.at[i], low = c | 0x20;
        if ((low < 'a' || low > 'z') && (c < '0' || c > '9') && !strchr(".-_:[]", c))
            return false;
        if (!c)
            return false;
    }
    return s.len > 0 && s.len <= 255;
}

void mo_forwarded_read(const mo_http_head *head, const mo_network *networks, size_t n, mo_forwarded *ret)
{
    ret->address[0] = 0;
    read_addresses(head, networks, n, ret);
    mo_span scheme = last_of(head, "x-forwarded-proto"), host = last_of(head, "x-forwarded-host");
    ret->is_https = mo_http_is(scheme, "https");
    ret->has_scheme = ret->is_https || mo_http_is(scheme, "http");
    ret->host = is_host(host) ? host : (mo_span){NULL, 0};
}

/* --- facts ---------------------------------------------------------------------------------- */

typedef struct facts {
    char *at;
    size_t len, n;
} facts;

static void put(facts *f, const char *name, const char *value, size_t len)
{
    size_t name_len = strlen(name);
    if (f->len + name_len + len + 1 > MO_FORWARDED_FACTS)
        return;
    memcpy(f->at + f->len, name, name_len);
    memcpy(f->at + f->len + name_len, value, len);
    f->len += name_len + len;
    f->at[f->len++] = 0;
    f->n++;
}

static bool begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

/* The port that a client far away spoke from is not known. */
static bool is_replaced(const mo_forwarded *f, const char *fact)
{
    return (f->address[0] && begins(fact, "REMOTE_")) || (f->has_scheme && begins(fact, "REQUEST_SCHEME="));
}

mo_span mo_forwarded_facts(const mo_forwarded *f, mo_span known, char room[MO_FORWARDED_FACTS], size_t *retn)
{
    facts all = {.at = room};
    for (size_t at = 0, len; at < known.len; at += len + 1) {
        const char *fact = (const char *)known.at + at;
        len = strlen(fact);
        if (!is_replaced(f, fact))
            put(&all, "", fact, len);
    }
    if (f->address[0])
        put(&all, "REMOTE_ADDR=", f->address, strlen(f->address));
    if (f->has_scheme)
        put(&all, "REQUEST_SCHEME=", f->is_https ? "https" : "http", f->is_https ? 5 : 4);
    if (f->has_scheme && f->is_https)
        put(&all, "HTTPS=on", "", 0);
    *retn = all.n;
    return (mo_span){(const uint8_t *)room, all.len};
}
