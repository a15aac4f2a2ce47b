/* tree.c - a treap with real pointers (eight bytes on the host, four in Wasm): inserts,
 * look-ups and removals in random order.
 * n: 27 full, 2 quick */
#include "kernel.h"

enum { NKEYS = 40000 };

typedef struct node {
    struct node *left, *right;
    u32 key, priority, value;
} node;

typedef struct {
    node *root, *spare;                /* spare: removed nodes, linked by ->left */
} tree;

static node *take_node(tree *t, u32 key, u32 priority)
{
    node *ret = t->spare;
    if (ret != NULL)
        t->spare = ret->left;
    else
        ret = take(sizeof *ret);
    *ret = (node){ .key = key, .priority = priority, .value = key ^ priority };
    return ret;
}

/* Parts below `key` into *left, the others into *right. */
static void split(node *at, u32 key, node **left, node **right)
{
    while (at != NULL) {
        if (at->key < key) {
            *left = at;
            left = &at->right;
            at = at->right;
        } else {
            *right = at;
            right = &at->left;
            at = at->left;
        }
    }
    *left = *right = NULL;
}

static void insert(tree *t, u32 key, u32 priority)
{
    node **link = &t->root;
    while (*link != NULL && (*link)->priority >= priority) {
        if ((*link)->key == key)
            return;
        link = key < (*link)->key ? &(*link)->left : &(*link)->right;
    }
    node *added = take_node(t, key, priority);
    split(*link, key, &added->left, &added->right);
    *link = added;
}

static void remove_key(tree *t, u32 key)
{
    node **link = &t->root;
    while (*link != NULL && (*link)->key != key)
        link = key < (*link)->key ? &(*link)->left : &(*link)->right;
    node *removed = *link;
    if (removed == NULL)
        return;
    node *left = removed->left, *right = removed->right;
    while (left != NULL && right != NULL) {
        if (left->priority > right->priority) {
            *link = left;
            link = &left->right;
            left = left->right;
        } else {
            *link = right;
            link = &right->left;
            right = right->left;
        }
    }
    *link = left != NULL ? left : right;
    removed->left = t->spare;
    t->spare = removed;
}

static u32 look_up(const tree *t, u32 key)
{
    const node *at = t->root;
    while (at != NULL && at->key != key)
        at = key < at->key ? at->left : at->right;
    return at == NULL ? 0 : at->value;
}

static u64 fold(const node *at, u64 sum)
{
    return at == NULL ? sum : fold(at->right, mix(fold(at->left, sum), at->value));
}

i64 run(i32 n)
{
    take_back();
    tree t = { NULL, NULL };
    u64 random = 47, sum = 0;
    for (i32 unit = 0; unit < n; unit++) {
        for (int i = 0; i < NKEYS; i++) {
            u32 key = next_random(&random) % (2 * NKEYS);
            insert(&t, key, next_random(&random));
        }
        for (int i = 0; i < 2 * NKEYS; i++)
            sum += look_up(&t, next_random(&random) % (2 * NKEYS));
        for (int i = 0; i < NKEYS; i++)
            remove_key(&t, next_random(&random) % (2 * NKEYS));
        sum = fold(t.root, sum);
    }
    return (i64)sum;
}
