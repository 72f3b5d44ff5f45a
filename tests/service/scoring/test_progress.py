"""What a log gets to see."""

import pytest

from service.scoring import progress
from service.scoring.progress import ScoringProgress


class Clock:
    """A clock that a test turns."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress, "monotonic", made)
    return made


def test_a_log_gets_a_line_now_and_then(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with ScoringProgress(10_000, "iris 1") as shown:
        for _ in range(30):
            clock.now += 1
            shown.advance(100, None)
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines == [
        "1,000 rows, 100 rows/s, 10%, 90 s left",
        "2,000 rows, 100 rows/s, 20%, 80 s left",
        "3,000 rows, 100 rows/s, 30%, 70 s left",
    ]


def test_what_was_resumed_is_no_speed(clock: Clock) -> None:
    shown = ScoringProgress(None, "iris 1")
    shown.advance(5000, 0.5, resumed=True)
    clock.now += 10
    shown.advance(100, 0.51)
    assert shown.rows_per_s() == 10.0


def test_the_total_is_guessed_from_the_bytes(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with ScoringProgress(None, "iris 1") as shown:
        clock.now += 10
        shown.advance(1000, 0.25)
        clock.now += 10
        shown.advance(1000, None)
    assert capsys.readouterr().err.strip().splitlines() == [
        "1,000 rows, 100 rows/s, 25%, 30 s left",
        "2,000 rows, 100 rows/s",
    ]
