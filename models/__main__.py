"""`python -m models`: see `models.cli`."""

import ctypes
import os
import sys

# Tables come and go in large pieces: Arrow's own pool and malloc's many arenas would keep them.
# Both are read once, before the first piece.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
if sys.platform == "linux":
    M_ARENA_MAX = -8
    ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)

from models.cli import run

if __name__ == "__main__":
    run()
