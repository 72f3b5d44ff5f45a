"""How functions are compiled: once a machine where a cache can be written, else once a process."""

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` compiled: no threads, and no rule of arithmetic relaxed.

    Left to itself LLVM neither reorders sums nor contracts a product and a sum on x86; on other
    processors the comparison with scikit-learn decides.
    """
    try:
        made: Callable[..., Any] = njit(function, nogil=True, cache=True)
    except RuntimeError:  # there is no folder that it may write
        made = njit(function, nogil=True)
    return made
