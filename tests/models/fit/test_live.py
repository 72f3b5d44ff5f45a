"""What a person sees of fits."""

import io
import math

import pytest
from rich.console import Console

from models.fit.live import sparkline, watching
from models.fit.progress import CurveStep, EpochEnd, RunEnd, RunsBegin
from models.fit.run import Epoch, Run


def run(number: int, score: float, error: str = "") -> Run:
    return Run(number, 0, {}, score, score, 0.1, error=error)


def shown(*, terminal: bool) -> str:
    out = io.StringIO()
    screen = Console(file=out, force_terminal=terminal, width=120, color_system=None)
    with watching(screen) as tell:
        tell(RunsBegin(20, (run(0, 3.0),), "mae", False))
        for number in range(1, 20):
            tell(EpochEnd(number, Epoch(1, {"mae": 1.5}, {"mae": 2.5})))
            failed = number == 5
            tell(RunEnd(run(number, math.nan if failed else 4 - number / 10, "x" * failed)))
        tell(EpochEnd(19, Epoch(2, {"mae": 1.25}, {"mae": 2.75})))
        tell(CurveStep(3, 30, 4000))
        tell(CurveStep(30, 30, 500))
    return out.getvalue()


def test_a_terminal_shows_best_spread_trace_and_curve() -> None:
    text = shown(terminal=True)
    for words in ("20 of 20", "best mae", "2.1000", "3.9000", "learning curve", "30 of 30"):
        assert words in text
    assert "epoch 2" in text
    assert "fitted 1.2500  validation 2.7500" in text


def test_a_log_gets_a_line_now_and_then() -> None:
    lines = shown(terminal=False).splitlines()
    assert lines[0] == "2 of 20 runs, best mae 3.0000"
    assert lines[-2:] == ["20 of 20 runs, best mae 2.1000", "learning curve: 30 of 30 fits"]
    assert len(lines) == 11


@pytest.mark.parametrize(
    ("values", "line"),
    [([], ""), ([1.0], "▁"), ([0.0, 7.0, 3.0, math.nan], "▁█▄"), ([2.0, 2.0], "▁▁")],
)
def test_sparklines(values: list[float], line: str) -> None:
    assert sparkline(values) == line
