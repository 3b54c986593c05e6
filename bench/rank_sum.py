"""Whether two lots of measurements differ: the test of Mann and Whitney."""

import math
import statistics
from collections.abc import Sequence


def p_of_no_difference(one: Sequence[float], other: Sequence[float]) -> float:
    """The probability of ranks as far apart as these when both come from one distribution; two-sided, by the normal
    approximation, which is good for hundreds of samples."""
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    rank_sum = sum(rank for rank, (_, group) in enumerate(ranked, start=1) if group == 0)
    u = rank_sum - len(one) * (len(one) + 1) / 2
    mean = len(one) * len(other) / 2
    deviation = math.sqrt(len(one) * len(other) * (len(one) + len(other) + 1) / 12)
    return 2 * (1 - statistics.NormalDist().cdf(abs(u - mean) / deviation))
