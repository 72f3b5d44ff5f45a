import json
from typing import Any

import pytest

from models.manifest import GoldenRows
from models.schema import Policy, TabularSchema
from service.codecs.cells import CellPacker
from service.codecs.json_rows import JsonRows
from service.codecs.partial_rows import PartialRows, moved
from service.errors import TooLarge, Unfit, Unreadable
from tests.service.conftest import MIXED, MakeManifest

ROW = [17, 2.5, "GP", True, "a"]
MAX_ROWS = 5


def reader(make_manifest: MakeManifest, schema: TabularSchema = MIXED) -> PartialRows:
    golden = GoldenRows(instances=(ROW,), predictions=(0,))
    manifest = make_manifest(schema, golden=golden)
    return PartialRows(JsonRows(manifest, MAX_ROWS), schema, MAX_ROWS)


def test_good_rows_keep_their_places(make_manifest: MakeManifest) -> None:
    body = {"instances": [["x"], ROW, {}, ROW, [17.5, 2.5, "GP", True, "a"]]}
    sieved = reader(make_manifest).from_json(json.dumps(body).encode())
    assert list(sieved.places) == [1, 3]
    assert [list(row) for row in sieved.rows] == [ROW, ROW]
    assert [error.row for error in sieved.errors] == [0, 2, 4]
    assert sieved.errors[2].loc == ["instances", 4, 0]
    assert sieved.rows_given == 5


@pytest.mark.parametrize("cell", [17.0, 17, -(2**63)])
def test_a_row_alone_is_read_as_among_others(make_manifest: MakeManifest, cell: Any) -> None:
    row = [cell, *ROW[1:]]
    sieved = reader(make_manifest).from_json(json.dumps({"instances": [row, 1]}).encode())
    (alone,) = sieved.rows
    assert (
        alone
        == JsonRows(make_manifest(MIXED), 5)
        .parse(json.dumps({"instances": [row]}).encode())
        .rows[0]
    )


def test_numbers_lose_nothing_on_the_way(make_manifest: MakeManifest) -> None:
    text = b'{"instances":[[17,0.1000000000000000055511151231257827,"GP",true,"a"],[17,1e-320,' \
        b'"GP",true,"\\ud83d\\ude00"],[]]}'  # fmt: skip
    sieved = reader(make_manifest).from_json(text)
    assert [row[1] for row in sieved.rows] == [0.1, 1e-320]
    assert sieved.rows[1][4] == "\U0001f600"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"instances":[[1],[1],[1],[1],[1],[1]]}', TooLarge),
        (b'{"instances":[{"age":1,"age":2},[1]]}', Unreadable),
        (b'{"inputs":{"age":[1]}}', Unfit),
        (b"[[1]]", Unfit),
        (b'{"instances":{"age":1}}', Unfit),
    ],
)
def test_what_has_no_rows_is_refused(
    make_manifest: MakeManifest, body: bytes, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        reader(make_manifest).from_json(body)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", Unfit),
        (b"age,school\n1,GP\n", Unfit),
        (b"x,2.5,GP,true,a\n" * 6, TooLarge),
        (b'x,2.5,GP,true,a\n17,2.5,GP,true,"a', Unreadable),
        (b"\xff,2.5,GP,true,a\n", Unreadable),
    ],
)
def test_csv_without_rows_is_refused(
    make_manifest: MakeManifest, body: bytes, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        reader(make_manifest).from_csv(body)


def test_too_many_rows_are_told_the_way_that_takes_them(make_manifest: MakeManifest) -> None:
    with pytest.raises(TooLarge, match=r"At most 5 rows .* without partial=true, which stream"):
        reader(make_manifest).from_csv(b"x,2.5,GP,true,a\n" * 6)


def test_csv_cells_may_hold_what_csv_quotes(make_manifest: MakeManifest) -> None:
    body = b'17,2.5,GP,true,"a ""b"",\nc"\n17,,GP,true,\n17,2.5,XX,true,a\n'
    sieved = reader(make_manifest).from_csv(body)
    assert [row[4] for row in sieved.rows] == ['a "b",\nc', None]
    assert sieved.rows[1][1] is None
    assert [error.loc for error in sieved.errors] == [["rows", 2, "school"]]


def test_warnings_tell_of_the_rows_that_were_sent(make_manifest: MakeManifest) -> None:
    age = MIXED.columns[0].model_copy(update={"policy": Policy(out_of_range="flag")})
    schema = MIXED.model_copy(update={"columns": (age, *MIXED.columns[1:])})
    body = {"instances": [["x"], ROW, [99, *ROW[1:]]]}
    sieved = reader(make_manifest, schema).from_json(json.dumps(body).encode())
    warnings = CellPacker(schema).pack(sieved.rows).warnings
    assert warnings is not None
    assert [one.row for one in warnings.first] == [1]
    assert [one.row for one in moved(warnings, sieved.places).first] == [2]
