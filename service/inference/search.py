"""Finding the rows on which a model fails: halves of what failed are asked again."""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Found(NamedTuple, Generic[T]):
    """What a search found; each row is in exactly one of the three."""

    answers: list[tuple[int, T]]
    """The first row of each answer, and the answer."""
    failed: list[int]
    undecided: list[int]
    """Rows that were not asked alone when the time was over."""


def search(rows: int, ask: Callable[[int, int], T], is_over: Callable[[], bool]) -> Found[T]:
    """Ask for all rows; where that raises, for each half, down to single rows.

    One row of n that fails costs about 2 log2(n) calls, which together see about 2 n rows more.

    Args:
        rows: how many there are.
        ask: answers the rows from the first number to before the second, or raises.
        is_over: whether there is no time for another call; all rows together are asked once.
    """
    found: Found[T] = Found([], [], [])
    left = [(0, rows)] if rows else []
    while left:
        start, stop = left.pop()
        if stop - start < rows and is_over():
            found.undecided.extend(range(start, stop))
            continue
        try:
            found.answers.append((start, ask(start, stop)))
        except Exception:  # whatever a model raises: its row is told of, in our words
            if stop - start == 1:
                found.failed.append(start)
            else:
                middle = (start + stop) // 2
                left += [(middle, stop), (start, middle)]
    return found
