"""Is an answer the one that scikit-learn gives?"""

from typing import Any

TOLERANCE = 1e-12
"""Of numbers: absolute below 1, relative above."""


def same(got: Any, expected: Any) -> bool:
    """Return whether labels are equal, with their types, and numbers within the tolerance."""
    if isinstance(expected, list):
        return isinstance(got, list) and len(got) == len(expected) and all(map(same, got, expected))
    if type(expected) is float and type(got) is float:
        return abs(got - expected) <= TOLERANCE * max(1.0, abs(expected))
    return type(got) is type(expected) and bool(got == expected)
