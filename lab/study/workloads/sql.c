/* sql.c - a query of SQLite on a file: the ten products that earned most, of the orders of one
 * month. The file is opened for each request. */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include "workload.h"

#define QUERY "SELECT p.name, sum(o.quantity * p.price) AS earned FROM orders o JOIN products p ON p.id = o.product " \
              "WHERE o.month = 7 GROUP BY p.id ORDER BY earned DESC, p.name LIMIT 10"

static char rows[4096];

static int run(sqlite3 *database, answer *ret)
{
    sqlite3_stmt *statement;
    size_t n = 0;
    int status = sqlite3_prepare_v2(database, QUERY, -1, &statement, NULL);
    if (status != SQLITE_OK)
        return status;
    while ((status = sqlite3_step(statement)) == SQLITE_ROW)
        n += (size_t)snprintf(rows + n, sizeof rows - n, "%s %lld\n", (const char *)sqlite3_column_text(statement, 0),
                              (long long)sqlite3_column_int64(statement, 1));
    sqlite3_finalize(statement);
    ret->body = rows;
    ret->length = n;
    return status == SQLITE_DONE ? SQLITE_OK : status;
}

void respond(const request *q, answer *ret)
{
    sqlite3 *database = NULL;
    (void)q;
    int status = sqlite3_open_v2(data_path("shop.db"), &database, SQLITE_OPEN_READONLY, NULL);
    if (status == SQLITE_OK)
        status = run(database, ret);
    if (status != SQLITE_OK)
        respond_text(ret, 500, sqlite3_errstr(status));
    sqlite3_close(database);
}
