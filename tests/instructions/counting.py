"""Counting: one run under callgrind, and what it comes to, each part as a multiple of the other."""

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

KEPT: Final = Path(__file__).with_name("kept.json")
ROOT: Final = Path(__file__).parents[2]
LIMIT_S: Final = 280.0
REFERENCE: Final = "reference"
SAME_BUILD: Final = 0.05
"""How much dearer a part may be, by the interpreter that the figures were made with."""
OTHER_BUILD: Final = 0.15
"""And by another one: compilers do not move all code alike."""


UNITS: Final = {
    REFERENCE: 20_000,
    "request-alone": 200,
    "request-of-64": 640,
    "batch-of-1": 200,
    "batch-of-64": 20,
}
"""Part → how many of it are counted: rounds of the loop, requests, batches."""


class Counts(BaseModel):
    """Instructions of each part."""

    model_config = ConfigDict(extra="forbid")

    build: str
    """The interpreter: version, compiler and options."""
    instructions: dict[str, int]
    """Part → instructions of one of it: a request, a batch, a round of the reference."""
    ratios: dict[str, float]
    """Part → the same as a multiple of the reference's."""


def can_count() -> bool:
    """Whether there is valgrind, and a processor whose way of asking it is known."""
    return shutil.which("valgrind") is not None and platform.machine() == "x86_64"


def count(folder: Path) -> Counts:
    """Count all parts.

    Raises:
        RuntimeError: valgrind failed, with the last that it said.
    """
    out = folder / "callgrind"
    valgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}"]
    command = [*valgrind, sys.executable, "-m", "tests.instructions.parts", str(folder)]
    settings = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"counting failed:\n{done.stderr[-2000:]}")
    totals = dict(read_dump(path.read_text("utf-8")) for path in sorted(folder.glob("callgrind.*")))
    return Counts(build=build(), **per_unit(totals))


def read_dump(text: str) -> tuple[str, int]:
    """Return the name and the instructions of one of callgrind's dumps.

    Raises:
        ValueError: it has no name or no total.
    """
    name = re.search(r"^desc: Trigger: Client Request: (\S+)$", text, re.MULTILINE)
    total = re.search(r"^totals: (\d+)$", text, re.MULTILINE)
    if name is None or total is None:
        raise ValueError("callgrind wrote no dump of a part")
    return name[1], int(total[1])


def per_unit(totals: dict[str, int]) -> dict[str, dict[str, int] | dict[str, float]]:
    """Return what one unit of each part costs, and that as multiples of the reference's.

    Raises:
        KeyError: a part was not counted.
    """
    each = {name: totals[name] / units for name, units in UNITS.items()}
    return {
        "instructions": {name: round(cost) for name, cost in each.items()},
        "ratios": {
            name: round(cost / each[REFERENCE], 3)
            for name, cost in each.items()
            if name != REFERENCE
        },
    }


def build() -> str:
    """Return what tells this interpreter from others."""
    return " ".join(sys.version.split())


def dearer(now: Counts, kept: Counts) -> list[str]:
    """Return a sentence for each part that costs more than it may."""
    limit = SAME_BUILD if now.build == kept.build else OTHER_BUILD
    said = []
    for name, before in kept.ratios.items():
        change = now.ratios[name] / before - 1
        if change > limit:
            said.append(
                f"{name}: {now.instructions[name]:,} instructions, {change:+.1%} of what is kept"
                f" ({limit:.0%} are allowed). If that is meant: make instructions."
            )
    return said
