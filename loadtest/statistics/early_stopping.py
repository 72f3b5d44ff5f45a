"""How many requests it takes to say that a percentile is under its bound: MLPerf's rule.

With t requests over the bound, the percentile p is under it at confidence c only if there were at
least h + t requests, h the smallest with I(p - d; h, t + 1) <= 1 - c, where I is the regularised
incomplete beta function and d a margin. Source: MLCommons, inference_policies, "Early stopping".
"""

from scipy.special import betainc

CONFIDENCE = 0.99


def requests_needed(
    over: int, percentile: float, *, confidence: float = CONFIDENCE, margin: float = 0.0
) -> int:
    """Return the least number of requests, those over the bound among them.

    Args:
        over: requests slower than the bound; the wrong, lost and refused count as slower.
        percentile: that must be under the bound, such as 0.99.
        confidence: that the percentile is really under it.
        margin: d: how far the share may be below the percentile all the same.

    Raises:
        ValueError: a number that cannot be, such as fewer than no requests.
    """
    share = percentile - margin
    if over < 0 or not 0 < share < 1 or not 0 < confidence < 1:
        raise ValueError(f"{over} over, percentile {percentile}, confidence {confidence}: no such")
    high = 1
    while betainc(high, over + 1, share) > 1 - confidence:
        high *= 2
    low = high // 2
    while low + 1 < high:
        middle = (low + high) // 2
        if betainc(middle, over + 1, share) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high + over


def passes(count: int, over: int, percentile: float, *, confidence: float = CONFIDENCE) -> bool:
    """Return whether so many requests, so many of them over the bound, show the percentile met."""
    return count >= requests_needed(over, percentile, confidence=confidence)
