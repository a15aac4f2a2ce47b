/* model.c - one guest after the other, each granted what a model was, with nothing left of
 * the one before. */
#include "wasi/wasi.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A folder is opened again: two guests must not share where they are in its list. Where that
 * may take long it waits until there is a list. */
static bool copy_folder(const mo_desc *model, mo_desc *ret, mote_error *err)
{
    size_t len = strlen(model->preopen) + 1;
    *ret = *model;
    ret->cookies = NULL;
    ret->owned = true;
    ret->preopen = mo_alloc(len);
    if (!ret->preopen)
        return mo_fail_nomem(err);
    memcpy(ret->preopen, model->preopen, len);
    ret->unopened = !model->local;
    ret->host = model->local ? openat(model->host, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                             : fcntl(model->host, F_DUPFD_CLOEXEC, 3);
    if (ret->host >= 0)
        return true;
    int why = errno;
    mo_free(ret->preopen);
    return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "wasi: folder '%.100s': %s", model->preopen, strerror(why));
}

static bool copy_desc(const mo_desc *model, mo_desc *ret, mote_error *err)
{
    switch ((mo_desc_kind)model->kind) {
    case MO_DESC_FREE:
    case MO_DESC_STREAM:
    case MO_DESC_INPUT: *ret = *model; return true;
    case MO_DESC_FOLDER:
        if (model->preopen)
            return copy_folder(model, ret, err);
        break;
    case MO_DESC_HOST:
    case MO_DESC_SOCKET: break;
    }
    return mo_fail(err, MOTE_UNSUPPORTED, MOTE_NOWHERE, "wasi: a model may grant folders, streams and bytes only");
}

bool mo_wasi_forgets_slowly(const mote_wasi *wasi)
{
    for (size_t i = 0; i < wasi->ndescs; i++) {
        const mo_desc *d = &wasi->descs[i];
        if (d->owned && !d->granted && !d->local && mo_desc_is_file(d))
            return true;
    }
    return false;
}

void mo_wasi_forget(mote_wasi *wasi)
{
    for (size_t fd = 0; fd < wasi->ndescs; fd++)
        if (wasi->descs[fd].kind != MO_DESC_FREE)
            mo_wasi_drop(wasi, &wasi->descs[fd]);
    wasi->ndescs = 0;
    mo_wasi_lend_args(wasi, NULL, 0, 0);
    mo_wasi_lend_env(wasi, NULL, 0, 0);
    wasi->exited = false;
}

bool mo_wasi_renew(mote_wasi *wasi, const mote_wasi *model, mote_error *err)
{
    mo_wasi_forget(wasi);
    if (!mo_grow(&wasi->descs, &wasi->cap, model->ndescs, sizeof *wasi->descs))
        return mo_fail_nomem(err);
    for (size_t fd = 0; fd < model->ndescs; fd++) {
        wasi->descs[fd] = (mo_desc){.kind = MO_DESC_FREE};
        wasi->ndescs = fd + 1;
        if (!copy_desc(&model->descs[fd], &wasi->descs[fd], err)) {
            wasi->descs[fd] = (mo_desc){.kind = MO_DESC_FREE};
            return false;
        }
    }
    wasi->lowest = model->lowest;
    mo_wasi_lend_args(wasi, model->args, model->args_len, model->nargs);
    mo_wasi_lend_env(wasi, model->env, model->env_len, model->nenv);
    wasi->clock = model->clock;
    wasi->clock_data = model->clock_data;
    wasi->random = model->random;
    wasi->random_data = model->random_data;
    wasi->wait = model->wait;
    wasi->wait_data = model->wait_data;
    wasi->elsewhere = model->elsewhere;
    wasi->elsewhere_data = model->elsewhere_data;
    return true;
}

static void lend(char **at, bool *lent, char *strings)
{
    if (!*lent)
        mo_free(*at);
    *at = strings;
    *lent = true;
}

void mo_wasi_lend_args(mote_wasi *wasi, char *strings, size_t len, size_t n)
{
    lend(&wasi->args, &wasi->lent_args, strings);
    wasi->args_len = len;
    wasi->nargs = n;
}

void mo_wasi_lend_env(mote_wasi *wasi, char *strings, size_t len, size_t n)
{
    lend(&wasi->env, &wasi->lent_env, strings);
    wasi->env_len = len;
    wasi->nenv = n;
}
