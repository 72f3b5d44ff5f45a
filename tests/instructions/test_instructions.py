"""The hot path costs no more instructions than it did: noticed without a quiet machine."""

from pathlib import Path

import pytest

from tests.instructions.counting import (
    KEPT,
    UNITS,
    Counts,
    can_count,
    count,
    dearer,
    per_unit,
    read_dump,
)

KNOWN = Counts(
    build="this one",
    instructions={"reference": 100, "request": 1000},
    ratios={"request": 10.0},
)


def costing(ratio: float, build: str = "this one") -> Counts:
    instructions = {"reference": 100, "request": round(ratio * 100)}
    return Counts(build=build, instructions=instructions, ratios={"request": ratio})


@pytest.mark.integration
@pytest.mark.skipif(not can_count(), reason="needs valgrind on x86-64")
def test_no_part_of_the_hot_path_is_dearer_than_it_was(tmp_path: Path) -> None:
    counts = count(tmp_path)
    assert set(counts.instructions) == set(UNITS)
    assert dearer(counts, Counts.model_validate_json(KEPT.read_bytes())) == []


def test_what_is_dearer_by_more_than_it_may_be_is_said() -> None:
    assert dearer(costing(10.4), KNOWN) == []
    assert dearer(costing(5), KNOWN) == []
    (said,) = dearer(costing(10.6), KNOWN)
    assert said.startswith("request: 1,060 instructions, +6.0% of what is kept (5% are allowed)")


def test_another_build_of_the_interpreter_may_differ_by_more() -> None:
    assert dearer(costing(11.4, "another"), KNOWN) == []
    assert len(dearer(costing(11.6, "another"), KNOWN)) == 1


def test_a_dump_is_read() -> None:
    # Callgrind leaves the summary at 0 when it was told to count by a client request.
    dump = "desc: Trigger: Client Request: batch-of-64\nsummary: 0\n\nfn=f\n\ntotals: 12345\n"
    assert read_dump(dump) == ("batch-of-64", 12345)
    with pytest.raises(ValueError, match="no dump"):
        read_dump("desc: Trigger: Program termination\ntotals: 5\n")


def test_costs_are_of_one_unit_and_multiples_of_the_reference() -> None:
    totals = {name: units * 50 for name, units in UNITS.items()}
    totals["request-alone"] *= 7
    found = per_unit(totals)
    assert found["instructions"]["request-alone"] == 350
    assert found["ratios"]["request-alone"] == 7.0
    assert "reference" not in found["ratios"]
    del totals["batch-of-1"]
    with pytest.raises(KeyError):
        per_unit(totals)


def test_every_counted_part_is_kept() -> None:
    kept = Counts.model_validate_json(KEPT.read_bytes())
    assert set(kept.ratios) == set(UNITS) - {"reference"}
