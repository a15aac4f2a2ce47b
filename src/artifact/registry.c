/* registry.c - code address -> the open artifact that holds it, for signal handlers.
 * A tree over page numbers: 48 bits of address = 12 + 12 + 12 + a page. Looking up is
 * three loads; nodes are never freed or moved, so neither readers nor writers wait
 * for anyone, whatever a signal interrupts. An artifact's pages are its own while it
 * is mapped: they are cleared before the mapping goes, and a reader whose pc lies in
 * them runs that code, so somebody holds a reference. Nodes stay for the process: 32
 * KiB for each 16 MiB of addresses that ever held code; the first are static. */
#include "artifact/open.h"

#include <stdatomic.h>
#include <sys/mman.h>

#define BITS 12
#define FANOUT (1u << BITS)
#define PAGE_SHIFT 12

typedef struct leaf { const mo_artifact *_Atomic pages[FANOUT]; } leaf;
typedef struct branch { leaf *_Atomic leaves[FANOUT]; } branch;
typedef union node { leaf leaf; branch branch; } node;
static branch *_Atomic root[FANOUT];

#define FIRST_NODES 4
static node first_nodes[FIRST_NODES];
static atomic_uint first_used;

static void *new_node(void)
{
    if (atomic_load(&first_used) < FIRST_NODES) {
        unsigned n = atomic_fetch_add(&first_used, 1);
        if (n < FIRST_NODES) return &first_nodes[n];
    }
    void *p = mmap(NULL, sizeof(node), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* Another thread was first; a static one is simply lost. */
static void drop_node(void *p)
{
    if ((uintptr_t)p - (uintptr_t)first_nodes >= sizeof first_nodes) munmap(p, sizeof(node));
}

static branch *branch_for(uint64_t page)
{
    branch *_Atomic *at = &root[page >> 2 * BITS], *have = atomic_load_explicit(at, memory_order_acquire);
    if (have) return have;
    branch *fresh = new_node();
    if (!fresh || atomic_compare_exchange_strong(at, &have, fresh)) return fresh;
    drop_node(fresh);
    return have;
}

static leaf *leaf_for(uint64_t page)
{
    branch *b = branch_for(page);
    if (!b) return NULL;
    leaf *_Atomic *at = &b->leaves[page >> BITS & (FANOUT - 1)], *have = atomic_load_explicit(at, memory_order_acquire);
    if (have) return have;
    leaf *fresh = new_node();
    if (!fresh || atomic_compare_exchange_strong(at, &have, fresh)) return fresh;
    drop_node(fresh);
    return have;
}

static bool set_pages(const mo_artifact *a, const mo_artifact *value)
{
    uint64_t page = (uintptr_t)a->text >> PAGE_SHIFT, end = ((uintptr_t)a->text + a->text_len + MO_FILE_PAGE - 1) >> PAGE_SHIFT;
    if (end > UINT64_C(1) << 3 * BITS) return false;
    for (leaf *l = NULL; page < end; page++) {
        if (!l || page % FANOUT == 0) l = leaf_for(page);
        if (!l) return false;
        atomic_store_explicit(&l->pages[page % FANOUT], value, memory_order_release);
    }
    return true;
}

bool mo_registry_add(const mo_artifact *a)
{
    if (set_pages(a, a)) return true;
    set_pages(a, NULL);
    return false;
}

void mo_registry_remove(const mo_artifact *a)
{
    set_pages(a, NULL);
}

const mo_artifact *mo_artifact_find(const void *pc)
{
    uint64_t page = (uintptr_t)pc >> PAGE_SHIFT;
    if (page >> 3 * BITS) return NULL;
    branch *b = atomic_load_explicit(&root[page >> 2 * BITS], memory_order_acquire);
    leaf *l = b ? atomic_load_explicit(&b->leaves[page >> BITS & (FANOUT - 1)], memory_order_acquire) : NULL;
    return l ? atomic_load_explicit(&l->pages[page % FANOUT], memory_order_acquire) : NULL;
}
