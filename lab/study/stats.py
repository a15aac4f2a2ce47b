"""stats.py - medians and how sure they are.

Samples of one round share its weather, so a round counts as one: the median of its samples.
The figure is the median of the rounds' medians; its interval comes from drawing rounds again
with replacement (bootstrap, 95 %), by a pinned seed. Percentiles of single requests are of
all rounds' samples together."""

import math
import random
from dataclasses import dataclass
from statistics import median

DRAWS = 2000
FEWEST = 3                             # rounds for an interval


@dataclass
class Figure:
    value: float
    low: float
    high: float
    rounds: int
    samples: int

    def clearly_less(self, other):
        """The intervals don't touch and 3 % lie between; without intervals, a tenth."""
        if self.rounds >= FEWEST and other.rounds >= FEWEST:
            return self.high < other.low and self.value * 1.03 < other.value
        return self.value * 1.1 < other.value


def figure(rounds, seed=1):
    """Of [values of each round]; None where there are none."""
    medians = [median(values) for values in rounds if values]
    if not medians:
        return None
    low, high = bootstrap(medians, seed) if len(medians) >= FEWEST else (min(medians), max(medians))
    return Figure(median(medians), low, high, len(medians), sum(map(len, rounds)))


def bootstrap(values, seed):
    draw = random.Random(f"{seed}/{len(values)}").choices
    drawn = sorted(median(draw(values, k=len(values))) for _ in range(DRAWS))
    return drawn[int(0.025 * DRAWS)], drawn[int(0.975 * DRAWS)]


def percentile(values, p):
    """By the nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * p / 100) - 1)]
