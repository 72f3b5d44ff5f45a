import json

import pytest

from models.schema import ImageSchema
from service.codecs.json_rows import JsonRows
from service.errors import ServiceError, TooLarge, Unfit, Unreadable
from tests.service.conftest import MIXED, MakeManifest

ROW = [17, 2.5, "GP", True, "a"]
KEYED = {"age": 17, "study hours": 2.5, "school": "GP", "internet": True, "note": "a"}


@pytest.fixture
def mixed(make_manifest: MakeManifest) -> JsonRows:
    return JsonRows(make_manifest(MIXED), max_rows=5)


@pytest.fixture
def floats(make_manifest: MakeManifest) -> JsonRows:
    return JsonRows(make_manifest(), max_rows=5)


@pytest.mark.parametrize(
    ("request_", "form", "rows"),
    [
        ({"instance": KEYED}, "instance", [tuple(ROW)]),
        ({"instance": ROW}, "instance", [tuple(ROW)]),
        ({"instances": [KEYED, ROW]}, "instances", [tuple(ROW), tuple(ROW)]),
        (
            {"inputs": {key: [value] * 2 for key, value in KEYED.items()}},
            "inputs",
            [tuple(ROW)] * 2,
        ),
    ],
)
def test_forms(mixed: JsonRows, request_: object, form: str, rows: object) -> None:
    parsed = mixed.parse(json.dumps(request_).encode())
    assert parsed.form == form
    assert list(parsed.rows) == rows


def test_named_columns_come_in_the_fitted_order(mixed: JsonRows) -> None:
    shuffled = dict(reversed(KEYED.items()))
    assert mixed.parse(json.dumps({"instance": shuffled}).encode()).rows == [tuple(ROW)]


def test_null_only_where_the_model_takes_it(mixed: JsonRows) -> None:
    row = [17, None, "GP", True, None]
    assert mixed.parse(json.dumps({"instance": row}).encode()).rows == [tuple(row)]
    with pytest.raises(Unfit) as refusal:
        mixed.parse(json.dumps({"instance": KEYED | {"age": None}}).encode())
    assert refusal.value.details[0]["loc"] == ["instance", "age"]


def test_an_integral_float_is_an_integer(mixed: JsonRows) -> None:
    (row,) = mixed.parse(json.dumps({"instance": [17.0, *ROW[1:]]}).encode()).rows
    assert row[0] == 17
    assert isinstance(row[0], int)


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        (b'{"instances": [[1, 2, true]]}', ["instances", 0, 2]),
        (b'{"instances": [[1, 2, "3"]]}', ["instances", 0, 2]),
        (b'{"instances": [[1, 2, null]]}', ["instances", 0, 2]),
        (b'{"instances": [[1, 2, NaN]]}', ["instances", 0, 2]),
        (b'{"instances": [[1, 2, Infinity]]}', ["instances", 0, 2]),
        (b'{"instances": [[1, 2, 1e999]]}', ["instances", 0, 2]),
        (b'{"instances": [[1, 2, 1e39]]}', ["instances", 0, 2]),
        (b'{"instances": [[1, 2]]}', ["instances", 0, 2]),
        (b'{"instances": [[1, 2, 3, 4]]}', ["instances", 0]),
        (b'{"instances": [{"x0": 1, "x1": 2}]}', ["instances", 0, "x2"]),
        (b'{"instances": [{"x0": 1, "x1": 2, "x2": 3, "x3": 4}]}', ["instances", 0, "x3"]),
        (b'{"instances": [7]}', ["instances", 0]),
        (b'{"instances": [[1, 2, 3], [1, 2, {}]]}', ["instances", 1, 2]),
        (b'{"instances": 7}', ["instances"]),
        (b'{"instances": []}', ["instances"]),
        (b'{"inputs": {"x0": [1], "x1": [1]}}', ["inputs", "x2"]),
        (b'{"other": 1}', ["other"]),
    ],
)
def test_a_refusal_says_where(floats: JsonRows, body: bytes, loc: list[object]) -> None:
    with pytest.raises(Unfit) as refusal:
        floats.parse(body)
    assert refusal.value.details[0]["loc"] == loc


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"instance": [1,2,3], "instances": [[1,2,3]]}',
        b'{"inputs":{"x0":[1],"x1":[1,2],"x2":[1]}}',
    ],
)
def test_requests_that_contradict_themselves(floats: JsonRows, body: bytes) -> None:
    with pytest.raises(Unfit):
        floats.parse(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[",
        b"\xff\xfe",
        b'{"instances": [[1, 2, 3]]',
        b'{"instances": [[1, 2, 3]]} x',
        b'\xef\xbb\xbf{"instances": [[1, 2, 3]]}',
        b'{"instances": ' + b"[" * 100_000,
        b'{"instances": [[1, 2, 3]], "instances": [[1, 2, 3]]}',
        b'{"instances": [{"x0": 1, "x0": 1, "x1": 2, "x2": 3}]}',
        b'{"instance": {"x0": 1, "x1": 2, "x2": 3, "x2": 3}}',
        b'{"inputs": {"x0": [1], "x1": [2], "x2": [3], "x2": [3]}}',
    ],
)
def test_unreadable(floats: JsonRows, body: bytes) -> None:
    with pytest.raises(Unreadable):
        floats.parse(body)


def test_one_row_too_many(floats: JsonRows) -> None:
    rows = [[1, 2, 3]] * 5
    assert len(floats.parse(json.dumps({"instances": rows}).encode()).rows) == 5
    with pytest.raises(TooLarge):
        floats.parse(json.dumps({"instances": [*rows, rows[0]]}).encode())


def test_a_colon_in_a_text_is_no_second_key(mixed: JsonRows) -> None:
    row = mixed.parse(json.dumps({"instance": KEYED | {"note": 'a":b:'}}).encode()).rows[0]
    assert row[4] == 'a":b:'


def test_a_refusal_never_repeats_the_input(mixed: JsonRows) -> None:
    secret = "4711-secret"
    with pytest.raises(ServiceError) as refusal:
        mixed.parse(json.dumps({"instance": KEYED | {"age": secret}}).encode())
    assert secret not in f"{refusal.value.message} {refusal.value.details}"


def test_pictures(make_manifest: MakeManifest) -> None:
    pictures = JsonRows(make_manifest(ImageSchema(mode="L", width=8, height=8)), max_rows=5)
    parsed = pictures.parse(b'{"instances": [{"b64": "AAEC"}, {"b64": "/w=="}]}')
    assert parsed.pictures == [b"\x00\x01\x02", b"\xff"]
    with pytest.raises(Unfit) as refusal:
        pictures.parse(b'{"instances": [{"b64": "AAEC"}, {"b64": "***"}]}')
    assert refusal.value.details[0]["loc"] == ["instances", 1, "b64"]
