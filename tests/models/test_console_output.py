"""What a model prints while it is registered does not come between a program and its answer."""

import ctypes
import subprocess
import sys

import pytest

from models.console import output_kept

SCRIPT = """
import ctypes, sys
from models.console import output_kept
print("before")
with output_kept(for_program={kept}):
    print("by Python")
    ctypes.CDLL(None).puts(b"by C")
print("after")
"""


@pytest.mark.parametrize("kept", [True, False])
def test_prints_go_to_standard_error(kept: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(kept=kept)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    words = {"by Python", "by C"}
    out, err = set(done.stdout.splitlines()), set(done.stderr.splitlines())
    assert out == ({"before", "after"} if kept else {"before", "after"} | words)
    assert words <= err if kept else not words & err


@output_kept(for_program=True)
def fail() -> None:
    ctypes.CDLL(None).puts(b"inside")
    raise ValueError("broken")


def test_an_error_gives_the_output_back(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="broken"):
        fail()
    print("outside", flush=True)
    seen = capfd.readouterr()
    assert (seen.out, seen.err) == ("outside\n", "inside\n")
