"""What a worker writes of an array, and that it writes nowhere else."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from service.codecs.array_text import HUGE, LONG, array_text

LONGEST = (-1.2345678901234567e-300, -1.2345678901234567e300, -1.2345678901234568e-05)
WRITE = """
import sys, json
import numpy as np
from service.codecs.array_text import array_text
value = float(sys.argv[1])
for rows in (*range(155, 180), *range(320, 360), 2000):
    for shape in ((rows,), (3, rows), (30, rows)):
        values = np.full(shape, value)
        assert json.loads(array_text(values)) == values.tolist()
print("written")
"""


@pytest.mark.parametrize("value", LONGEST)
def test_the_longest_numbers_do_not_break_the_memory(value: float) -> None:
    """In a process of its own, which glibc ends when it finds its lists of memory broken."""
    done = subprocess.run(
        [sys.executable, "-c", WRITE, repr(value)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "written\n"), done.stderr


@pytest.mark.parametrize("shape", [(0,), (1,), (40, 1), (3, 170)])
@pytest.mark.parametrize("value", [*LONGEST, -5e-324, -0.0, -1.7976931348623157e308, 1e-300])
def test_floats_are_read_back_bit_for_bit(value: float, shape: tuple[int, ...]) -> None:
    array = np.full(shape, value)
    assert str(json.loads(array_text(array))) == str(array.tolist())


def test_numbers_elsewhere_are_shorter() -> None:
    """Of each exponent some hundred numbers, nearly half of which have 17 digits."""
    draw = np.random.default_rng(3)
    drawn = np.concatenate([draw.uniform(1, 10, 300) * 10.0**at for at in range(-308, 308)])
    values = np.concatenate([drawn, -drawn])
    long = (values < HUGE) | np.any([(a < values) & (values < b) for a, b in LONG], axis=0)
    lengths = np.array([len(one) for one in array_text(values.tolist())[1:-1].split(b",")])
    assert lengths[~long].max() == 23
    assert lengths[long].max() == 24


@pytest.mark.parametrize(
    "values", [np.array([True, False]), np.array([[1, -(2**63)]]), ["a", None], [[0.5], [1e300]]]
)
def test_other_values_are_as_they_were(values: Any) -> None:
    listed = values.tolist() if isinstance(values, np.ndarray) else values
    assert json.loads(array_text(values)) == listed
