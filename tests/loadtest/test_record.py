"""Records and their sums."""

from pathlib import Path

import pytest

from loadtest.record import Counts, LoadResult, Outcome, Record, read_records, write_records

ONE = Record(
    request=3,
    intended_s=0.1,
    taken_s=0.1 + 1e-9,
    sent_s=0.2,
    done_s=1 / 3,
    outcome=Outcome.LOST,
    status=500,
    cause="status_500",
    replica="replica-0",
)


def test_sums_that_do_not_hold_are_an_error() -> None:
    assert Counts(sent=10, right=1, wrong=2, refused=3, lost=4).sent == 10
    with pytest.raises(ValueError, match="11 requests were sent, but 10 ended"):
        Counts(sent=11, right=1, wrong=2, refused=3, lost=4)


@pytest.mark.parametrize("records", [(), (ONE, ONE)])
def test_a_request_that_ends_never_or_twice_is_an_error(records: tuple[Record, ...]) -> None:
    with pytest.raises(ValueError, match="1 requests were sent"):
        _ = LoadResult(sent=1, records=records, elapsed_s=1.0, cpu_s=0.0).counts


def test_records_come_back_to_the_last_bit(tmp_path: Path) -> None:
    write_records(tmp_path / "r.csv", [ONE])
    assert list(read_records(tmp_path / "r.csv")) == [ONE]


def test_a_result_is_told_without_its_records() -> None:
    result = LoadResult(sent=1000, records=(ONE,) * 1000, elapsed_s=1.0, cpu_s=0.5)
    assert "sent=1000" in repr(result)
    assert len(repr(result)) < 200
