import subprocess
import sys
from pathlib import Path

from service.log import Sampler


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_below_the_rate_every_line_passes() -> None:
    clock = Clock()
    sampler = Sampler(2.0, clock)
    for _ in range(10):
        clock.now += 0.5
        assert sampler.passes() == 0


def test_above_the_rate_lines_are_left_out_and_counted() -> None:
    clock = Clock()
    sampler = Sampler(2.0, clock)
    passed = []
    for _ in range(1000):
        clock.now += 0.01
        passed.append(sampler.passes())
    kept = [skipped for skipped in passed if skipped is not None]
    # two at once, then two a second for ten seconds; the last may just not be due yet
    assert len(kept) in {2 + 19, 2 + 20}
    left_out_since = 1000 - 1 - max(i for i, one in enumerate(passed) if one is not None)
    assert len(kept) + sum(kept) + left_out_since == 1000


def test_a_rate_of_zero_logs_nothing() -> None:
    assert Sampler(0.0, Clock()).passes() is None


def test_a_line_that_cannot_be_written_is_lost_and_nothing_else() -> None:
    script = (
        "from service.log import configure_logging; import structlog, sys; "
        "configure_logging('info'); structlog.get_logger().info('lost'); print('goes on')"
    )
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", script],
            stderr=full,
            stdout=subprocess.PIPE,
            timeout=30,
            check=True,
        )
    assert done.stdout == b"goes on\n"
