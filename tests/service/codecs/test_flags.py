"""Flagged values: found in every row, told within bounds, never repeated."""

import json

import pytest

from models.schema import Cell, Column, Policy, TabularSchema
from service.codecs.answers import AnswerEncoder
from service.codecs.cells import CellPacker
from service.codecs.flags import MAX_WARNINGS, Flags, RowWarning
from tests.service.conftest import FLOATS, MIXED, MakeManifest

JOB = Column(
    name="job",
    dtype="string",
    frame_dtype="str",
    nullable=True,
    categories=("cook", "nurse"),
    policy=Policy(unknown="flag", missing="accept"),
)
AGE = Column(
    name="age",
    dtype="int64",
    frame_dtype="int64",
    min=15,
    max=22,
    policy=Policy(out_of_range="flag"),
)
SINGLE = Column(
    name="single",
    dtype="float32",
    frame_dtype="float32",
    nullable=True,
    min=0.10000000149011612,
    max=3.0,
    policy=Policy(missing="flag", out_of_range="flag"),
)
FLAGGED = TabularSchema(container="frame", columns=(JOB, AGE, SINGLE))


def found(*rows: list[Cell]) -> list[tuple[int, str, str]]:
    warnings = Flags(FLAGGED).find(rows)
    told = [] if warnings is None else warnings.first
    return [(one.row, one.column, one.kind) for one in told]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (["cook", 15, 0.5], []),
        ([None, 22, 3], []),
        (["", 15, 0.5], [("job", "unknown_category")]),
        (["COOK", 14, 0.5], [("job", "unknown_category"), ("age", "out_of_range")]),
        (["cook", 23, None], [("age", "out_of_range"), ("single", "missing_value")]),
        # It becomes the smallest of the training rows when it is rounded to float32.
        (["cook", 20, 0.1], []),
        (["cook", 20, 0.0999999], [("single", "out_of_range")]),
        (["cook", 20, -3e38], [("single", "out_of_range")]),
    ],
)
def test_what_is_found_in_a_row(row: list[Cell], expected: list[tuple[str, str]]) -> None:
    assert found(row) == [(0, *one) for one in expected]
    assert found(["nurse", 16, 1.0], row) == [(1, *one) for one in expected]


def test_warnings_come_row_by_row_and_are_bounded() -> None:
    rows: list[list[Cell]] = [["thief", 99, 1.0]] * MAX_WARNINGS
    warnings = Flags(FLAGGED).find(rows)
    assert warnings is not None
    assert len(warnings.first) == warnings.left_out == MAX_WARNINGS
    assert [one.row for one in warnings.first] == [i // 2 for i in range(MAX_WARNINGS)]


def test_a_warning_never_repeats_the_input() -> None:
    warnings = Flags(FLAGGED).find([["4711-secret", 815, None]])
    assert warnings is not None
    assert not any(word in str(warnings) for word in ("4711", "815"))


@pytest.mark.parametrize("schema", [FLOATS, MIXED])
def test_models_without_flags_pack_as_ever(schema: TabularSchema) -> None:
    assert not Flags(schema)
    assert getattr(CellPacker(schema).pack, "__self__", None) is not None


def test_packing_finds_them() -> None:
    pack = CellPacker(FLAGGED).pack
    assert pack([["cook", 15, 0.5]]).warnings is None
    warnings = pack([["cook", 15, 0.5], ["cook", 14, 0.5]]).warnings
    assert warnings is not None
    text = "outside the training rows' range, 15 to 22; predicted as the fitted pipeline does"
    assert warnings.first == [RowWarning(1, "age", "out_of_range", text)]


def test_an_answer_tells_them(make_manifest: MakeManifest) -> None:
    encoder = AnswerEncoder(make_manifest())
    row: list[Cell] = ["thief", 99, 1.0]
    one = json.loads(encoder.encode("instance", [1], None, Flags(FLAGGED).find([row])))
    assert [(told["row"], told["column"]) for told in one["warnings"]] == [(0, "job"), (0, "age")]
    assert "warnings_left_out" not in one
    many = Flags(FLAGGED).find([row] * 200)
    answer = json.loads(encoder.encode("inputs", [1] * 200, None, many))
    assert len(answer["warnings"]) + answer["warnings_left_out"] == 400
    assert set(answer["warnings"][0]) == {"row", "column", "kind", "message"}
    assert "warnings" not in json.loads(encoder.encode("instance", [1], None))
