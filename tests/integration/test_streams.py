"""Arrow and CSV, whole and streamed, answered in each form: the same as scikit-learn's."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.integration.conftest import FIXTURES
from tests.integration.refusals import refused
from tests.integration.rows import Manifest, Reference, columns, draw
from tests.integration.scrape import moved, scrape
from tests.integration.server import Service, serving
from tests.integration.test_media import agree, as_csv
from tests.integration.wire import Reply, get, post

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

ARROW = "application/vnd.apache.arrow.stream"
CSV = "text/csv"
JSON = "application/json"
ARROW_BODY = {"Content-Type": ARROW}
CSV_BODY = {"Content-Type": CSV}
MODELS = ("iris", "students", "mixed", "pair", "truth")
SMALL, LARGE = 30, 18_000
"""Rows of a body that is computed whole, and of one that streams."""
PROBABLE = ("iris", "mixed", "truth")


@pytest.fixture(scope="module")
def many(strange_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service whose limits for whole requests are below what is streamed here."""
    flags = ["--workers=2", "--max-rows=5000", "--max-body-bytes=8000000"]
    folder = tmp_path_factory.mktemp("streams")
    env = {"PYTHONPATH": str(FIXTURES)}
    with serving(strange_store, folder, *flags, env=env) as running:
        yield running


def as_table(manifest: Manifest, rows: list[list[Any]]) -> pa.Table:
    names = [column["name"] for column in columns(manifest)]
    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)})


def as_arrow(table: pa.Table, batch_rows: int | None = None, **options: Any) -> bytes:
    sink = io.BytesIO()
    chosen = pa.ipc.IpcWriteOptions(**options)
    with pa.ipc.new_stream(sink, table.schema, options=chosen) as writer:
        writer.write_table(table, max_chunksize=batch_rows)
    return sink.getvalue()


def ask(
    service: Service, model: str, body: bytes, headers: dict[str, str], query: str = ""
) -> Reply:
    return post(service.address, f"/v1/models/{model}:predict{query}", body, headers)


def cells(reply: Reply) -> dict[str, list[Any]]:
    """Return the columns of an answer in CSV or Arrow."""
    if reply.headers["content-type"] == ARROW:
        found: dict[str, list[Any]] = pa.ipc.open_stream(reply.body).read_all().to_pydict()
        return found
    head, *lines = csv.reader(io.StringIO(reply.body.decode(), newline=""))
    return {name: [line[i] for line in lines] for i, name in enumerate(head)}


def check_table(reply: Reply, expected: dict[str, Any], classes: list[Any] | None) -> None:
    found = cells(reply)
    predictions = expected["predictions"]
    if isinstance(predictions[0], list):
        wanted = {f"prediction_{i}": list(one) for i, one in enumerate(zip(*predictions))}  # noqa: B905
    else:
        wanted = {"prediction": predictions}
    if classes is not None:
        told = [str(one).lower() if isinstance(one, bool) else str(one) for one in classes]
        chances = zip(*expected["probabilities"], strict=True)
        wanted |= {f"probability_{name}": list(one) for name, one in zip(told, chances)}  # noqa: B905
    assert found.keys() - {"warnings"} == wanted.keys()
    is_text = reply.headers["content-type"] != ARROW
    for name, values in wanted.items():
        got = found[name]
        if is_text:
            read = {float: float, bool: lambda text: text == "true"}.get(type(values[0]))
            got = [type(values[0])(one) if read is None else read(one) for one in got]
        assert agree(got, values), name


@pytest.mark.parametrize("accept", [JSON, CSV, ARROW])
@pytest.mark.parametrize("count", [SMALL, LARGE])
@pytest.mark.parametrize("model", MODELS)
def test_arrow(
    many: Service, strange_reference: Reference, model: str, count: int, accept: str
) -> None:
    manifest = many.manifest(model)
    rows = draw(manifest, count, seed=71, nulls=0.2)
    expected = strange_reference(model, rows)
    probable = model in PROBABLE and not (accept == JSON and count == LARGE)
    query = "?probabilities=true" if probable else ""
    body = as_arrow(as_table(manifest, rows))
    assert (len(body) > 256 << 10) is (count == LARGE)
    reply = ask(many, model, body, ARROW_BODY | {"Accept": accept}, query)
    assert reply.status == 200, reply.body[:500]
    assert ("transfer-encoding" in reply.headers) is (count == LARGE)
    if accept != JSON:
        assert reply.headers["x-model-version"] == "1"
        check_table(reply, expected, manifest["output"]["classes"] if probable else None)
        return
    answer = reply.json()
    assert list(answer)[:3] == ["model", "version", "predictions"]
    assert (answer["model"], answer["version"]) == (model, 1)
    for got, wanted in zip(answer["predictions"], expected["predictions"], strict=True):
        assert agree(*([one] if not isinstance(one, list) else one for one in (got, wanted)))


@pytest.mark.parametrize("accept", [JSON, CSV, ARROW])
@pytest.mark.parametrize("model", ["iris", "students"])
def test_large_csv(many: Service, strange_reference: Reference, model: str, accept: str) -> None:
    manifest = many.manifest(model)
    rows = draw(manifest, LARGE, seed=72, nulls=0.2)
    order = list(reversed(range(len(columns(manifest)))))
    body = as_csv(manifest, rows, order, "\r\n")
    expected = strange_reference(model, rows)
    reply = ask(many, model, body, CSV_BODY | {"Accept": accept})
    assert reply.status == 200, reply.body[:500]
    assert reply.headers["transfer-encoding"] == "chunked"
    if accept == JSON:
        assert agree(reply.json()["predictions"], expected["predictions"])
    else:
        check_table(reply, expected, None)


@pytest.mark.parametrize(
    "options", [{"compression": "lz4"}, {"compression": "zstd"}], ids=["lz4", "zstd"]
)
@pytest.mark.parametrize("batch_rows", [None, 70])
def test_compressed_batches_of_any_size(
    many: Service, strange_reference: Reference, options: dict[str, str], batch_rows: int | None
) -> None:
    rows = draw(many.manifest("students"), LARGE, seed=73, nulls=0.2)
    table = as_table(many.manifest("students"), rows)
    reply = ask(many, "students", as_arrow(table, batch_rows, **options), ARROW_BODY)
    assert reply.status == 200, reply.body[:500]
    assert agree(reply.json()["predictions"], strange_reference("students", rows)["predictions"])


TYPES = {
    "int64": [pa.int8(), pa.uint16(), pa.float32(), pa.dictionary(pa.int8(), pa.int64())],
    "float64": [pa.float32(), pa.float16(), pa.int16()],
    "string": [
        pa.large_string(),
        pa.string_view(),
        pa.dictionary(pa.int32(), pa.string()),
        pa.dictionary(pa.uint8(), pa.large_string()),
    ],
}


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("count", [SMALL, LARGE])
def test_types_that_can_be_made_of_others(
    many: Service, strange_reference: Reference, turn: int, count: int
) -> None:
    manifest = many.manifest("students")
    rows = draw(manifest, count, seed=74, nulls=0.2)
    for i, column in enumerate(columns(manifest)):
        if column["dtype"].startswith("float"):
            for row in rows:  # what half precision and whole numbers can both hold
                row[i] = None if row[i] is None else float(int(row[i]))
    table = as_table(manifest, rows)
    for i, column in enumerate(columns(manifest)):
        kinds = TYPES.get(column["dtype"])
        if kinds:
            kind = kinds[turn % len(kinds)]
            array = table.column(i)
            if pa.types.is_dictionary(kind):
                array = array.dictionary_encode()
            table = table.set_column(i, column["name"], array.cast(kind))
    reply = ask(many, "students", as_arrow(table.select(sorted(table.column_names))), ARROW_BODY)
    assert reply.status == 200, reply.body[:500]
    assert agree(reply.json()["predictions"], strange_reference("students", rows)["predictions"])


def spoiled(many: Service, name: str, kind: pa.DataType, values: list[Any]) -> bytes:
    """Return a body of students whose column has these values, again and again."""
    rows = draw(many.manifest("students"), 12, seed=75)
    table = as_table(many.manifest("students"), rows)
    array = pa.array((values * 12)[:12], kind)
    return as_arrow(table.set_column(table.column_names.index(name), name, array))


@pytest.mark.parametrize(
    ("name", "kind", "values", "words"),
    [
        ("age", pa.string(), ["17"], "Column age: Arrow's string does not become int64"),
        ("age", pa.bool_(), [True], "Column age"),
        ("age", pa.float64(), [17.0, 17.5], "Row 1, column age"),
        ("age", pa.int64(), [17, None], "Row 1, column age"),
        ("study_hours", pa.float64(), [1.0, 2.0, float("inf")], "Row 2, column study_hours"),
        ("internet", pa.int8(), [1], "Column internet"),
        ("school", pa.int64(), [1], "Column school: Arrow's int64 does not become string"),
        ("school", pa.binary(), [b"GP"], "Column school"),
        ("school", pa.list_(pa.string()), [["GP"]], "Column school"),
    ],
)
def test_cells_that_do_not_fit(
    many: Service, name: str, kind: pa.DataType, values: list[Any], words: str
) -> None:
    reply = ask(many, "students", spoiled(many, name, kind, values), ARROW_BODY)
    assert words in refused(reply, 422, "schema_mismatch")["error"]


def test_columns_that_do_not_fit(many: Service) -> None:
    table = as_table(many.manifest("iris"), draw(many.manifest("iris"), 5, seed=76))
    more = table.append_column("__index_level_0__", pa.array(range(5)))
    error = refused(ask(many, "iris", as_arrow(more), ARROW_BODY), 422)
    assert "unknown: '__index_level_0__'" in error["error"]
    error = refused(ask(many, "iris", as_arrow(table.drop_columns("petal_width")), ARROW_BODY), 422)
    assert "missing: 'petal_width'" in error["error"]
    twice = pa.Table.from_arrays(table.columns, ["petal_width"] * 4)
    refused(ask(many, "iris", as_arrow(twice), ARROW_BODY), 422)


def test_an_array_model_takes_columns_by_position(many: Service) -> None:
    table = pa.table({name: [1.0, 2.0] for name in ("x", "y", "z")})
    by_name = table.rename_columns(["a", "b", "c"])
    assert (
        ask(many, "pair", as_arrow(table), ARROW_BODY).body
        == ask(many, "pair", as_arrow(by_name), ARROW_BODY).body
    )


@pytest.mark.parametrize("body", [b"", b"ARROW1\0\0", b"\xff\xff\xff\xff\x10\0\0\0" + bytes(16)])
def test_what_is_no_arrow_stream(many: Service, body: bytes) -> None:
    refused(ask(many, "iris", body, ARROW_BODY), 400, "unreadable")


@pytest.mark.parametrize("model", ["digits"])
def test_a_model_of_pictures_takes_no_tables(many: Service, model: str) -> None:
    body = as_arrow(pa.table({"x": [1.0]}))
    refused(ask(many, model, body, ARROW_BODY), 415, "unsupported_media_type")


@pytest.mark.parametrize("accept", [JSON, CSV, ARROW])
def test_warnings_of_a_stream(many: Service, accept: str) -> None:
    manifest = many.manifest("students")
    rows = draw(manifest, LARGE, seed=77)
    place = [column["name"] for column in columns(manifest)].index("guardian")
    odd = range(100, LARGE, 177)
    for row in odd:
        rows[row][place] = "stranger"
    reply = ask(many, "students", as_csv(manifest, rows), CSV_BODY | {"Accept": accept})
    assert reply.status == 200, reply.body[:500]
    if accept == JSON:
        answer = reply.json()
        assert [one["row"] for one in answer["warnings"]] == list(odd)[:100]
        assert answer["warnings_left_out"] == len(odd) - 100
        return
    told = cells(reply)["warnings"]
    assert [row for row, one in enumerate(told) if one] == list(odd)
    assert all("guardian: no category" in told[row] for row in odd)


def test_json_answered_as_arrow(many: Service, strange_reference: Reference) -> None:
    rows = draw(many.manifest("iris"), SMALL, seed=78)
    url = "/v1/models/iris:predict?probabilities=true"
    reply = post(many.address, url, {"instances": rows}, {"Accept": ARROW})
    assert reply.status == 200, reply.body[:500]
    classes = many.manifest("iris")["output"]["classes"]
    check_table(reply, strange_reference("iris", rows), classes)


def test_the_first_part_is_refused_as_any_request(many: Service) -> None:
    manifest = many.manifest("iris")
    rows = draw(manifest, LARGE, seed=79)
    rows[7][1] = "wide"
    reply = ask(many, "iris", as_csv(manifest, rows), CSV_BODY)
    error = refused(reply, 422, "schema_mismatch")
    assert error["error"].startswith("Row 7, column sepal_width")


def test_probabilities_of_a_large_body_in_json(many: Service) -> None:
    rows = draw(many.manifest("iris"), 3000, seed=80) * 100
    body = as_arrow(as_table(many.manifest("iris"), rows), 10_000)
    assert len(body) > 8_000_000
    reply = ask(many, "iris", body, ARROW_BODY, "?probabilities=true")
    assert "text/csv" in refused(reply, 406, "not_acceptable")["error"]


def test_a_record_batch_that_is_too_large(many: Service) -> None:
    body = as_arrow(pa.table({name: [1.0] * 400_000 for name in "abc"}))
    assert "max_chunksize" in refused(ask(many, "pair", body, ARROW_BODY), 413)["error"]


def test_a_stream_is_one_request(many: Service) -> None:
    before = scrape(many.address)
    body = as_arrow(as_table(many.manifest("iris"), draw(many.manifest("iris"), LARGE, seed=81)))
    assert ask(many, "iris", body, ARROW_BODY).status == 200
    changes = moved(before, scrape(many.address))
    assert changes["percore_requests_total", "iris", "200"] == 1
    assert changes["percore_rows_total", "iris"] == LARGE
    assert changes["percore_batch_rows_count", "iris"] > 3
    lines = [event for event in many.events() if event["event"] == "predict"]
    assert lines[-1]["rows"] == LARGE


def test_the_api_process_has_no_arrow(many: Service) -> None:
    body = as_arrow(as_table(many.manifest("iris"), draw(many.manifest("iris"), LARGE, seed=82)))
    assert ask(many, "iris", body, ARROW_BODY | {"Accept": ARROW}).status == 200
    maps = f"/proc/{many.process.pid}/maps"
    assert "libarrow" not in Path(maps).read_text()
    pids = get(many.address, "/v1/models").json()["workers"]["pids"]
    assert all("libarrow" in Path(f"/proc/{pid}/maps").read_text() for pid in pids)
