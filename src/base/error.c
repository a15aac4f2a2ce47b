/* error.c - one error type, told once: the first failure wins. */
#include "base/base.h"

#include <stdio.h>

#define TEXT_OF(x) #x
#define DOTTED(a, b, c) TEXT_OF(a) "." TEXT_OF(b) "." TEXT_OF(c)

static const char *const status_names[] = {
    [MOTE_OK] = "ok",
    [MOTE_MALFORMED] = "malformed",
    [MOTE_INVALID] = "invalid",
    [MOTE_UNSUPPORTED] = "unsupported",
    [MOTE_LIMIT] = "limit",
    [MOTE_NOMEM] = "out of memory",
    [MOTE_IO] = "i/o",
    [MOTE_REFUSED] = "refused",
    [MOTE_LINK] = "link",
    [MOTE_TRAP] = "trap",
    [MOTE_EXCEPTION] = "exception",
    [MOTE_MISUSE] = "misuse",
    [MOTE_EXIT] = "exit",
    [MOTE_STATE] = "state",
};

const char *mote_status_name(mote_status status)
{
    return (size_t)status < MO_COUNT(status_names) ? status_names[status] : "unknown";
}

const char *mote_version(void)
{
    return DOTTED(MOTE_VERSION_MAJOR, MOTE_VERSION_MINOR, MOTE_VERSION_PATCH);
}

void mo_error_clear(mote_error *err)
{
    if (err) *err = (mote_error){.offset = MOTE_NOWHERE, .function = MOTE_NOWHERE};
}

/* The words were cut: drops the bytes of a character that lost its end. */
static void drop_torn_character(char *text)
{
    size_t len = strlen(text), back = len;
    while (back > 0 && len - back < 3 && ((uint8_t)text[back - 1] & 0xc0) == 0x80) back--;
    if (back == 0 || (uint8_t)text[back - 1] < 0xc0) return;
    uint8_t lead = (uint8_t)text[back - 1];
    size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (len - (back - 1) < want) text[back - 1] = 0;
}

bool mo_vfail(mote_error *err, mote_status status, uint64_t offset, const char *format, va_list args)
{
    if (!err || err->status != MOTE_OK) return false;
    mo_error_clear(err);
    err->status = status;
    err->offset = offset;
    int len = vsnprintf(err->message, sizeof err->message, format, args);
    if (len >= (int)sizeof err->message) drop_torn_character(err->message);
    return false;
}

bool mo_fail(mote_error *err, mote_status status, uint64_t offset, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    mo_vfail(err, status, offset, format, args);
    va_end(args);
    return false;
}

bool mo_fail_nomem(mote_error *err)
{
    return mo_fail(err, MOTE_NOMEM, MOTE_NOWHERE, "out of memory");
}
