/* ids.c - ids made and checked. */
#include "serve/http/ids.h"

#include "call/call.h"

#include <sys/random.h>

static const char hex[] = "0123456789abcdef";

static void put_hex(char *to, uint64_t n, size_t digits)
{
    for (size_t i = digits; i-- > 0; n >>= 4)
        to[i] = hex[n & 15];
}

void mo_ids_init(mo_ids *ids)
{
    *ids = (mo_ids){.next = 0};
    if (getrandom(ids->seed, sizeof ids->seed, 0) != sizeof ids->seed)
        ids->seed[0] = ids->seed[1] = mo_now_ns();
    put_hex(ids->prefix, ids->seed[0], 12);
    ids->prefix[12] = '-';
}

size_t mo_ids_next(mo_ids *ids, char ret[MO_ID])
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t n = ids->next++;
    memcpy(ret, ids->prefix, 13);
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    memcpy(ret + 13, digits + at, sizeof digits - at);
    ret[13 + sizeof digits - at] = 0;
    return 13 + sizeof digits - at;
}

static bool is_alphanumeric(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

bool mo_ids_check(mo_span id)
{
    for (size_t i = 0; i < id.len; i++)
        if (!is_alphanumeric(id.at[i]) && id.at[i] != '.' && id.at[i] != '_' && id.at[i] != '-')
            return false;
    return id.len > 0 && id.len < MO_ID;
}

/* --- traces ------------------------------------------------------------------------ */

/* Lower case only (Trace Context, 3.2); zero: all digits may be 0. */
static bool is_hex(const uint8_t *at, size_t n, bool zero)
{
    bool any = zero;
    for (size_t i = 0; i < n; i++) {
        if (!(at[i] >= '0' && at[i] <= '9') && !(at[i] >= 'a' && at[i] <= 'f'))
            return false;
        any |= at[i] != '0';
    }
    return any;
}

bool mo_trace_check(mo_span t)
{
    if (t.len < MO_TRACEPARENT || t.at[2] != '-' || t.at[35] != '-' || t.at[52] != '-')
        return false;
    bool first = t.at[0] == '0' && t.at[1] == '0';
    if (!is_hex(t.at, 2, true) || (t.at[0] == 'f' && t.at[1] == 'f'))
        return false;
    if (t.len > MO_TRACEPARENT && (first || t.at[MO_TRACEPARENT] != '-'))
        return false;
    return is_hex(t.at + 3, 32, false) && is_hex(t.at + 36, 16, false) && is_hex(t.at + 53, 2, true);
}

/* What is passed on is of version 00, whatever came: later flags are not known here. */
bool mo_trace_continue(mo_ids *ids, mo_span given, char ret[MO_TRACEPARENT + 1])
{
    uint64_t turn[2] = {ids->next, ids->seed[0]}, seed = ids->seed[1];
    bool valid = mo_trace_check(given);
    memcpy(ret, "00-", 3);
    if (valid) {
        memcpy(ret + 3, given.at + 3, 32);
    } else {
        put_hex(ret + 3, mo_hash64(turn, sizeof turn, seed ^ 1) | 1, 16);
        put_hex(ret + 19, mo_hash64(turn, sizeof turn, seed ^ 2), 16);
    }
    ret[35] = '-';
    put_hex(ret + 36, mo_hash64(turn, sizeof turn, seed ^ 3) | 1, 16);
    memcpy(ret + 52, "-00", 4);
    if (valid)
        ret[54] = given.at[54] & 1 ? '1' : '0';
    return valid;
}
