"""Python's own things: generators, classes, exceptions, big integers, matching, sets."""
import dataclasses
import functools
import itertools
import math
import sys

print(sys.argv[1:], sys.platform, sys.byteorder, sys.maxsize)


@dataclasses.dataclass(frozen=True, order=True)
class Point:
    x: int
    y: int = 0


print(sorted([Point(2), Point(1, 5), Point(1)]), {Point(1): "found"}[Point(1)])
print(math.factorial(60), pow(3, 200, 10**9 + 7), 2**100 // 7**20)


@functools.cache
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


print(fibonacci(30), list(itertools.islice(itertools.permutations("abc"), 3)))


def kind(value):
    match value:
        case {"x": x, **rest}:
            return f"mapping with {x} and {len(rest)}"
        case [first, *_]:
            return f"starts with {first}"
        case Point(x=1):
            return "a point at 1"
    return "else"


print([kind(value) for value in ({"x": 1, "y": 2}, [3, 4], Point(1), 5)])


for bad in (lambda: 1 / 0, lambda: {}["key"], lambda: int("x"), lambda: open("/nowhere")):
    try:
        bad()
    except Exception as error:
        print(type(error).__name__, str(error)[:40])
try:
    raise ExceptionGroup("several", [ValueError(1), TypeError(2)])
except* ValueError as group:
    print(len(group.exceptions))
except* TypeError as group:
    print("the rest", len(group.exceptions))

print(sum(i * i % 7 for i in range(200000)), f"{math.pi:.10f}", float("1e308") * 10, round(2.675, 2))
