"""The types of cells under each policy: what is taken, and what the OpenAPI page says of it."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from models.manifest import GoldenRows
from models.schema import Column, Policy, Quantiles, TabularSchema
from service.codecs.json_rows import JsonRows
from service.errors import Unfit
from service.inference.plain_tables import is_plain
from service.schema import SHOWN_CATEGORIES, cell_type, describe, response_type
from tests.service.conftest import MakeManifest

QUANTILES = Quantiles(p1=15, p5=15.5, p25=16, p50=17, p75=19, p95=21, p99=22)


def column(dtype: str = "int64", **others: Any) -> Column:
    told = {"name": "c", "dtype": dtype, "frame_dtype": dtype, **others}
    return Column.model_validate(told)


def ranged(dtype: str, policy: str, low: float = 15, high: float = 22) -> Column:
    return column(dtype, min=low, max=high, policy=Policy.model_validate({"out_of_range": policy}))


def known(dtype: str, categories: tuple[Any, ...], policy: str) -> Column:
    choice = Policy.model_validate({"unknown": policy})
    return column(dtype, categories=categories, policy=choice)


def takes(one: Column, value: Any) -> bool:
    try:
        TypeAdapter(cell_type(one)).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("dtype", ["int64", "float64", "float32", "uint8"])
def test_the_range_counts_only_where_it_is_rejected(dtype: str) -> None:
    for policy in ("accept", "flag", "reject"):
        one = ranged(dtype, policy)
        told = TypeAdapter(cell_type(one)).json_schema()
        assert [takes(one, value) for value in (15, 22)] == [True, True]
        assert [takes(one, value) for value in (14, 23)] == [policy != "reject"] * 2
        if policy == "reject":
            assert (told["minimum"], told["maximum"]) == pytest.approx((15, 22), abs=1e-5)
        else:
            assert told["minimum"] <= 0
            assert told["maximum"] >= 255


def test_a_float32_takes_what_rounds_into_its_range() -> None:
    one = ranged("float32", "reject", 0.10000000149011612, 0.30000001192092896)
    assert [takes(one, value) for value in (0.1, 0.3, 0.30000001192092896)] == [True] * 3
    assert [takes(one, value) for value in (0.0999999, 0.3000001)] == [False] * 2


@pytest.mark.parametrize(
    ("dtype", "categories", "other"),
    [
        ("string", ("a", "b"), "c"),
        ("int64", (1, 2), 3),
        ("float64", (1.0, 2.5), 3.5),
        ("bool", (True,), False),
    ],
)
def test_categories_are_an_enum_only_where_others_are_rejected(
    dtype: str, categories: tuple[Any, ...], other: Any
) -> None:
    closed = known(dtype, categories, "reject")
    told = TypeAdapter(cell_type(closed)).json_schema()
    assert told.get("enum", [told.get("const")]) == list(categories)
    assert takes(closed, categories[0])
    assert not takes(closed, other)
    for policy in ("accept", "flag"):
        opened = known(dtype, categories, policy)
        told = TypeAdapter(cell_type(opened)).json_schema()
        assert "enum" not in told
        assert "const" not in told
        assert f"Known categories: {', '.join(map(str, categories))};" in told["description"]
        assert ("warning" in told["description"]) is (policy == "flag")
        assert takes(opened, other)
    strange = 1 if dtype == "string" else "a"
    assert not takes(known(dtype, categories, "accept"), strange)


def test_descriptions() -> None:
    plain = column(min=15, max=22, quantiles=QUANTILES)
    assert describe(plain) == (
        "Training rows: 15 to 22. Quantiles:"
        " 1 % 15, 5 % 15.5, 25 % 16, 50 % 17, 75 % 19, 95 % 21, 99 % 22."
    )
    assert describe(column("bool")) is None
    flagged = Policy(missing="flag", out_of_range="flag")
    text = describe(column("float64", nullable=True, min=0, max=1, policy=flagged))
    assert text is not None
    assert "Values outside are predicted" in text
    assert "Missing values are predicted" in text
    many = known("int64", tuple(range(SHOWN_CATEGORIES + 7)), "flag")
    assert " 49 and 7 more; others are" in (describe(many) or "")


def test_a_range_that_matters_is_no_plain_table() -> None:
    for policy, plain in (("accept", True), ("flag", False), ("reject", False)):
        schema = TabularSchema(container="array", columns=(ranged("float64", policy),))
        assert is_plain(schema) is plain


def test_a_refusal_names_the_column(make_manifest: MakeManifest) -> None:
    schema = TabularSchema(container="array", columns=(ranged("float64", "reject"),))
    golden = GoldenRows(instances=([17.0],), predictions=(0,))
    rows = JsonRows(make_manifest(schema, golden=golden), 5)
    assert rows.parse(b'{"instances": [[15], [22.0]]}').rows == [(15.0,), (22.0,)]
    with pytest.raises(Unfit) as refusal:
        rows.parse(b'{"instances": [{"c": 15}, {"c": 22.5}]}')
    assert refusal.value.details[0]["loc"] == ["instances", 1, "c"]


def test_answers_have_room_for_warnings_only_where_a_column_flags(
    make_manifest: MakeManifest,
) -> None:
    for policy in ("accept", "reject", "flag"):
        schema = TabularSchema(container="array", columns=(ranged("float64", policy),))
        told = TypeAdapter(response_type(make_manifest(schema))).json_schema()
        assert ("warnings" in told["properties"]) is (policy == "flag")
        if policy == "flag":
            (warning,) = [one for name, one in told["$defs"].items() if "Warning" in name]
            assert warning["properties"]["column"]["const"] == "c"
