/* sort.c - quicksort and heapsort of random numbers: branches that no predictor
 * guesses; then a merge sort that compares through a function pointer.
 * n: 100 full, 8 quick */
#include "kernel.h"

enum { NVALUES = 40000 };

typedef bool less_function(u32 a, u32 b);

static bool less_by_value(u32 a, u32 b) { return a < b; }
static bool less_by_low_half(u32 a, u32 b) { return (a & 0xffff) < (b & 0xffff); }

static void heap_sort(u32 *values, size_t nvalues)
{
    for (size_t start = nvalues / 2, end = nvalues; end > 1; ) {
        if (start > 0) {
            start--;
        } else {
            end--;
            u32 top = values[0];
            values[0] = values[end];
            values[end] = top;
        }
        u32 value = values[start];
        size_t at = start;
        for (size_t child; (child = 2 * at + 1) < end; at = child) {
            if (child + 1 < end && values[child] < values[child + 1])
                child++;
            if (values[child] <= value)
                break;
            values[at] = values[child];
        }
        values[at] = value;
    }
}

static void merge_sort(u32 *values, u32 *spare, size_t nvalues, less_function *less)
{
    if (nvalues < 2)
        return;
    size_t nleft = nvalues / 2;
    merge_sort(values, spare, nleft, less);
    merge_sort(values + nleft, spare, nvalues - nleft, less);
    for (size_t i = 0; i < nleft; i++)
        spare[i] = values[i];
    for (size_t left = 0, right = nleft, to = 0; left < nleft; to++) {
        if (right < nvalues && less(values[right], spare[left]))
            values[to] = values[right++];
        else
            values[to] = spare[left++];
    }
}

static u64 fill_with_random(u32 *values, u64 *random)
{
    u64 sum = 0;
    for (u32 i = 0; i < NVALUES; i++)
        sum += values[i] = next_random(random);
    return sum;
}

static u64 digest(const u32 *values)
{
    u64 sum = 0;
    for (u32 i = 0; i < NVALUES; i += 64)
        sum = mix(sum, values[i]);
    return sum;
}

i64 run(i32 n)
{
    take_back();
    u32 *values = take(NVALUES * sizeof *values), *spare = take(NVALUES * sizeof *spare);
    less_function *orders[] = { less_by_value, less_by_low_half };
    u64 random = 5, sum = 0;
    for (i32 unit = 0; unit < n; unit++) {
        sum += fill_with_random(values, &random);
        sort_u32(values, NVALUES);
        sum = mix(sum, digest(values));
        sum += fill_with_random(values, &random);
        heap_sort(values, NVALUES);
        sum = mix(sum, digest(values));
        sum += fill_with_random(values, &random);
        merge_sort(values, spare, NVALUES, orders[sum & 1]);
        sum = mix(sum, digest(values));
    }
    return (i64)sum;
}
