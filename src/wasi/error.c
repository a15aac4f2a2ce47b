/* error.c - the system's errors in the guest's numbers. */
#include "wasi/wasi.h"

#include <errno.h>

/* Those that preview 1 has no name for, as the next of kin. */
static const uint8_t errnos[] = {
#define ERRNO(name, number) [E##name] = number,
#define ERRNO_ONLY(name, number)
#include "wasi/types.def"
    [ESHUTDOWN] = MO_E_PIPE,
    [EBADFD] = MO_E_BADF,
    [ESOCKTNOSUPPORT] = MO_E_PROTONOSUPPORT,
    [EPFNOSUPPORT] = MO_E_AFNOSUPPORT,
    [EHOSTDOWN] = MO_E_HOSTUNREACH,
    [ENONET] = MO_E_NETUNREACH,
    [ENOTBLK] = MO_E_NODEV,
    [ENOMEDIUM] = MO_E_NXIO,
    [ETIME] = MO_E_TIMEDOUT,
    [EUSERS] = MO_E_AGAIN,
    [ETOOMANYREFS] = MO_E_NOBUFS,
};

_Static_assert(ENOTSUP == EOPNOTSUPP && EAGAIN == EWOULDBLOCK, "one row each");

mo_errno mo_wasi_errno(int host_errno)
{
    if (host_errno == 0)
        return MO_E_SUCCESS;
    mo_errno e = (size_t)host_errno < MO_COUNT(errnos) ? errnos[host_errno] : 0;
    return e ? e : MO_E_IO;
}
