"""`python -m tests.instructions`: count the hot path's instructions; --write keeps them."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.instructions.counting import KEPT, Counts, can_count, count, dearer


def main() -> int:
    """Count, print, and keep or compare; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.instructions", description=__doc__)
    parser.add_argument("--write", action="store_true", help="keep what is counted")
    write = parser.parse_args().write
    if not can_count():
        print("This needs valgrind (Debian: valgrind) and an x86-64 processor.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="percore-instructions-") as folder:
        counts = count(Path(folder))
    print(counts.model_dump_json(indent=1))
    if write:
        KEPT.write_text(counts.model_dump_json(indent=1) + "\n", encoding="utf-8")
        return 0
    said = dearer(counts, Counts.model_validate_json(KEPT.read_bytes()))
    print("\n".join(said), file=sys.stderr)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
