/* json.c - a list of orders becomes the sum of each customer:
 *   [{"id":1,"customer":"ann","items":[{"sku":"a1","quantity":2,"price":350}, ...]}, ...]
 *   {"ann":700,...}        names in order, prices in cents */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "workload.h"

enum { CUSTOMERS = 256, NAME = 32 };

typedef struct {
    const char *at, *end;
    int bad;
} reader;

typedef struct {
    char name[NAME];
    long long sum;
} customer;

static customer customers[CUSTOMERS];
static size_t ncustomers;

static int next(reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r'))
        r->at++;
    return r->at < r->end ? *r->at : 0;
}

static int take(reader *r, char c)
{
    if (next(r) != c)
        return 0;
    r->at++;
    return 1;
}

static void expect(reader *r, char c)
{
    if (!take(r, c))
        r->bad = 1;
}

/** A string without escapes, cut at NAME. */
static void read_string(reader *r, char ret[NAME])
{
    size_t n = 0;
    expect(r, '"');
    while (r->at < r->end && *r->at != '"') {
        if (n < NAME - 1)
            ret[n++] = *r->at;
        r->at++;
    }
    ret[n] = 0;
    expect(r, '"');
}

static long long read_integer(reader *r)
{
    long long value = 0;
    int minus = take(r, '-');
    if (next(r) < '0' || next(r) > '9')
        r->bad = 1;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        value = value * 10 + (*r->at++ - '0');
    return minus ? -value : value;
}

static long long read_item(reader *r)
{
    long long quantity = 0, price = 0;
    char key[NAME], text[NAME];
    expect(r, '{');
    do {
        read_string(r, key);
        expect(r, ':');
        if (strcmp(key, "quantity") == 0)
            quantity = read_integer(r);
        else if (strcmp(key, "price") == 0)
            price = read_integer(r);
        else
            read_string(r, text);
    } while (!r->bad && take(r, ','));
    expect(r, '}');
    return quantity * price;
}

static long long read_items(reader *r)
{
    long long sum = 0;
    expect(r, '[');
    if (take(r, ']'))
        return 0;
    do
        sum += read_item(r);
    while (!r->bad && take(r, ','));
    expect(r, ']');
    return sum;
}

static void add(reader *r, const char *name, long long sum)
{
    size_t i = 0;
    while (i < ncustomers && strcmp(customers[i].name, name) != 0)
        i++;
    if (i == CUSTOMERS) {
        r->bad = 1;
        return;
    }
    if (i == ncustomers) {
        snprintf(customers[i].name, NAME, "%s", name);
        customers[i].sum = 0;
        ncustomers++;
    }
    customers[i].sum += sum;
}

static void read_order(reader *r)
{
    char key[NAME], name[NAME] = "";
    long long sum = 0;
    expect(r, '{');
    do {
        read_string(r, key);
        expect(r, ':');
        if (strcmp(key, "customer") == 0)
            read_string(r, name);
        else if (strcmp(key, "items") == 0)
            sum = read_items(r);
        else
            read_integer(r);
    } while (!r->bad && take(r, ','));
    expect(r, '}');
    add(r, name, sum);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const customer *)a)->name, ((const customer *)b)->name);
}

void respond(const request *q, answer *ret)
{
    static char text[CUSTOMERS * (NAME + 24)];
    reader r = {q->body, q->body + q->length, 0};
    size_t n = 0;
    ncustomers = 0;
    expect(&r, '[');
    do
        read_order(&r);
    while (!r.bad && take(&r, ','));
    expect(&r, ']');
    if (r.bad) {
        respond_text(ret, 400, "no list of orders\n");
        return;
    }
    qsort(customers, ncustomers, sizeof *customers, by_name);
    for (size_t i = 0; i < ncustomers; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%c\"%s\":%lld", i ? ',' : '{', customers[i].name, customers[i].sum);
    snprintf(text + n, sizeof text - n, "}\n");
    respond_text(ret, 200, text);
}
