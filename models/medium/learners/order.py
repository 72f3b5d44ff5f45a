"""Exact order statistics (medians, quantiles) of more numbers than fit into memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from models.medium.learners.tally import Tally
from models.rows import Array

DIGIT_BITS: Final = 16
DIGITS: Final = 2**DIGIT_BITS
MOST_COUNTED: Final = 2**16
"""So many distinct numbers are counted one by one; one pass is then enough."""
MOST_KEPT: Final = 1_000_000
"""A bucket with so few numbers is kept whole and sorted: 8 MB."""
_SIGN: Final = np.uint64(1 << 63)


@dataclass
class Bucket:
    """Numbers that begin with the same bits.

    Args:
        shift: how many bits are not known yet.
        prefix: those that are.
        below: how many numbers are smaller than all of these.
        count: how many these are.
        kept: them, if they are few.
        digits: how often each value of the next 16 bits occurs, if they are many.
    """

    shift: int
    prefix: int
    below: int
    count: int
    kept: list[Array] = field(default_factory=list)
    digits: Array = field(default_factory=lambda: np.zeros(DIGITS, np.int64))


class OrderStatistics:
    """Finds the numbers of given ranks, exactly.

    Floats in ascending order have ascending bits (the sign apart). The first pass counts distinct
    numbers, or, of very many, the first 16 bits; each further pass looks only into the buckets that
    hold a wanted rank, until these are small enough to be sorted: a radix selection (Knuth, The Art
    of Computer Programming, volume 3), at most four digits deep.

    Args:
        ranks: from the count of numbers to the ranks that are wanted, from 0.
    """

    def __init__(self, ranks: Callable[[int], Sequence[int]]) -> None:
        self._ranks = ranks
        self._tally: Tally | None = Tally()
        self._buckets = [Bucket(64, 0, 0, 0)]
        self._found: dict[int, float] = {}
        self.count = 0

    def see(self, numbers: Array) -> None:
        """Take float64 numbers, NaN left out."""
        numbers = numbers + 0.0  # one zero, not two
        if self._tally is not None:
            self._tally.see(numbers)
            if len(self._tally.values) <= MOST_COUNTED:
                return
            numbers, counts, self._tally = self._tally.values, self._tally.counts, None
            first = (_keys(numbers) >> np.uint64(48)).astype(np.int64)
            np.add.at(self._buckets[0].digits, first, counts)
            return
        keys = _keys(numbers)
        for bucket in self._buckets:
            _fill(bucket, keys)

    def end_pass(self) -> bool:
        """Return whether the wanted numbers are found; if not, all must be seen again."""
        if self._tally is not None:
            self.count = int(self._tally.counts.sum())
            ends = np.cumsum(self._tally.counts)
            for rank in set(self._ranks(self.count)):
                at = np.searchsorted(ends, rank, side="right")
                self._found[rank] = float(self._tally.values[at])
            return True
        if self.count == 0:
            self.count = int(self._buckets[0].digits.sum())
            self._buckets[0].count = self.count
        wanted = sorted(set(self._ranks(self.count)) - self._found.keys())
        self._buckets = [
            smaller for bucket in self._buckets for smaller in self._narrowed(bucket, wanted)
        ]
        return not self._buckets

    def at(self, rank: int) -> float:
        """Return the number of a wanted rank."""
        return self._found[rank]

    def _narrowed(self, bucket: Bucket, wanted: Sequence[int]) -> list[Bucket]:
        inside = [rank for rank in wanted if 0 <= rank - bucket.below < bucket.count]
        if bucket.kept:
            ascending = np.sort(np.concatenate(bucket.kept))
            for rank in inside:
                self._found[rank] = _number(int(ascending[rank - bucket.below]))
            return []
        ends = np.cumsum(bucket.digits)
        shift = bucket.shift - DIGIT_BITS
        smaller = []
        for digit in sorted(
            {int(np.searchsorted(ends, r - bucket.below, "right")) for r in inside}
        ):
            count = int(bucket.digits[digit])
            below = bucket.below + int(ends[digit]) - count
            found = Bucket(shift, bucket.prefix << DIGIT_BITS | digit, below, count)
            if shift == 0:
                same = [rank for rank in inside if below <= rank < below + count]
                self._found.update(dict.fromkeys(same, _number(found.prefix)))
            else:
                smaller.append(found)
        return smaller


def _fill(bucket: Bucket, keys: Array) -> None:
    if bucket.shift < 64:
        keys = keys[(keys >> np.uint64(bucket.shift)) == np.uint64(bucket.prefix)]
    if bucket.shift < 64 and bucket.count <= MOST_KEPT:
        bucket.kept.append(keys)
        return
    digits = (keys >> np.uint64(bucket.shift - DIGIT_BITS)) & np.uint64(DIGITS - 1)
    bucket.digits += np.bincount(digits.astype(np.int64), minlength=DIGITS)


def _keys(numbers: Array) -> Array:
    """Return unsigned integers in the order of the numbers."""
    bits = np.ascontiguousarray(numbers, np.float64).view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _number(key: int) -> float:
    bits = np.array([key], np.uint64)
    return float(np.where(bits & _SIGN, bits & ~_SIGN, ~bits).view(np.float64)[0])
