"""When the next run begins."""

from datetime import UTC, datetime

import pytest

from models.publish.history import Entry
from models.retrain import next_run_in_s, read_duration_s

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def ended(at: datetime, seconds: float) -> Entry:
    return Entry(at=at, outcome="failed", words="", seconds=seconds)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("15m", 900), ("6h", 21_600), ("1d", 86_400)]
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert read_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "1", "d", "0d", "-1h", "1.5h", "1w", "1d2h"])
def test_what_is_no_duration_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="write 30s, 15m, 6h or 1d"):
        read_duration_s(text)


@pytest.mark.parametrize(
    ("history", "now_s", "wait_s"),
    [
        ([], 0.0, 0.0),
        ([ended(NOON, 600.0)], 0.0, 3_000.0),  # an hour after its beginning, at ten to twelve
        ([ended(NOON, 0.0)], 3_599.0, 1.0),
        ([ended(NOON, 0.0)], 3_601.0, 0.0),
        ([ended(NOON, 0.0)], -1e6, 3_600.0),  # a clock that was put back
    ],
)
def test_the_next_run_counts_from_the_last_ones_beginning(
    history: list[Entry], now_s: float, wait_s: float
) -> None:
    assert next_run_in_s(history, 3_600.0, NOON.timestamp() + now_s) == wait_s
