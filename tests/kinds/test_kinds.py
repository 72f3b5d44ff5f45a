"""Every kind of model that is taken answers over HTTP what it answers in process, and its docs say
exactly what it takes and gives. V2 tensors and CSV give the same.

All of it is one file: whoever runs files on several processes registers every kind once.
"""

import csv
import io
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tests.integration.json_schema import Schema, problems
from tests.integration.server import Service
from tests.integration.wire import Reply, get, post
from tests.kinds.agreement import same
from tests.kinds.conftest import Known, Shelf
from tests.kinds.kind import as_json

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

CSV = {"Content-Type": "text/csv"}
ARROW = {"Content-Type": "application/vnd.apache.arrow.stream"}
MANY = 5000
"""So many rows are a large body, which a worker parses itself."""


@pytest.fixture(scope="module")
def document(service: Service) -> Schema:
    page: Schema = get(service.address, "/openapi.json").json()
    return page


def expected(known: Known, rows: pd.DataFrame) -> Any:
    """Return what the model itself says, as JSON values."""
    ask = getattr(known.model, "predict", None) or known.model.transform
    listed: Any = np.asarray(ask(known.X(rows))).tolist()
    return listed


def predict(service: Service, known: Known, body: Any, query: str = "") -> Reply:
    path = f"/v1/models/{known.kind.name}:predict{query}"
    reply = post(service.address, path, body)
    assert reply.status == 200, reply.body
    return reply


@pytest.mark.parametrize("count", [7, MANY])
def test_rows(service: Service, known: Known, count: int) -> None:
    rows = known.many(count)
    answer = predict(service, known, {"instances": as_json(rows)}).json()
    assert same(answer["predictions"], expected(known, rows))


def test_single_rows(service: Service, known: Known) -> None:
    rows = known.many(3)
    for i, row in enumerate(as_json(rows)):
        answer = predict(service, known, {"instance": row}).json()
        assert same([answer["prediction"]], expected(known, rows.iloc[[i]]))
        named = dict(zip(map(str, rows.columns), row, strict=True))
        assert predict(service, known, {"instance": named}).json() == answer


def test_columns(service: Service, known: Known) -> None:
    rows = known.many(9)
    cells = zip(*as_json(rows), strict=True)
    columns = {str(name): list(values) for name, values in zip(rows.columns, cells, strict=True)}
    answer = predict(service, known, {"inputs": columns}).json()
    assert same(answer["outputs"], expected(known, rows))


@pytest.mark.parametrize("count", [5, MANY])
def test_probabilities(service: Service, known: Known, count: int) -> None:
    rows, query = known.many(count), "?probabilities=true"
    body = {"instances": as_json(rows)}
    assert known.manifest.output.probabilities is known.kind.probabilities
    if not known.kind.probabilities:
        reply = post(service.address, f"/v1/models/{known.kind.name}:predict{query}", body)
        assert (reply.status, reply.json()["code"]) == (422, "no_probabilities")
        return
    answer = predict(service, known, body, query).json()
    assert same(answer["classes"], known.model.classes_.tolist())
    assert same(answer["predictions"], expected(known, rows))
    assert same(answer["probabilities"], known.model.predict_proba(known.X(rows)).tolist())


@pytest.mark.parametrize("query", ["", "?probabilities=true"])
def test_the_docs_are_exact(service: Service, known: Known, document: Schema, query: str) -> None:
    path = f"/v1/models/{known.kind.name}:predict"
    operation = document["paths"][path]["post"]
    content = operation["requestBody"]["content"]["application/json"]
    answers = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert problems(content["example"], content["schema"], document) == []
    body = {"instances": as_json(known.many(20))}
    assert problems(body, content["schema"], document) == []
    if query and not known.kind.probabilities:
        return
    for asked in (content["example"], body):
        reply = predict(service, known, asked, query).json()
        assert problems(reply, answers, document) == []
        for wrong in others(reply["predictions"]):
            assert problems(reply | {"predictions": [wrong]}, answers, document) != []


def others(predictions: list[Any]) -> list[Any]:
    """Return answers that no such model gives: of another type, or of another width.

    None is not among them: it stands for a row that failed, where good rows were asked for.
    """
    one = predictions[0]
    if isinstance(one, list):
        return [one[0], [*one, one[-1]], one[:-1]]
    return [[one], 0.5 if isinstance(one, str | bool) else "some word"]


def test_columns_are_those_of_the_sample(known: Known) -> None:
    assert known.manifest.input.kind == "tabular"
    names = [column.name for column in known.manifest.input.columns]
    assert names == list(map(str, known.rows.columns))
    assert known.manifest.input.container == known.kind.form


def test_v2_tensors(service: Service, known: Known) -> None:
    """Its metadata tells the inputs; its answer has the shape and the values of `predict`."""
    rows = known.many(12).dropna()
    path = f"/v2/models/{known.kind.name}"
    about = get(service.address, path).json()
    cells = as_json(rows)
    columns = {str(n): list(c) for n, c in zip(rows.columns, zip(*cells, strict=True), strict=True)}
    inputs = [
        {"name": one["name"], "datatype": one["datatype"]}
        | (
            {"shape": [len(rows)], "data": columns[one["name"]]}
            if one["name"] in columns
            else {"shape": [len(rows), len(columns)], "data": cells}
        )
        for one in about["inputs"]
    ]
    reply = post(service.address, f"{path}/infer", {"inputs": inputs})
    assert reply.status == 200, reply.body
    wanted = np.asarray(expected(known, rows))
    found = {one["name"]: one for one in reply.json()["outputs"]}["predict"]
    assert found["shape"] == list(wanted.shape)
    described = {one["name"]: one for one in about["outputs"]}["predict"]
    assert described["shape"] == [-1, *wanted.shape[1:]]
    assert described["datatype"] == found["datatype"]
    assert same(found["data"], wanted.ravel().tolist())


def test_csv_in_and_out(service: Service, known: Known) -> None:
    """Numbers in CSV are written so that they are read back to the bit."""
    rows = known.many(30).dropna()
    body = rows.to_csv(index=False).encode()
    headers = {"Content-Type": "text/csv; header=present", "Accept": "text/csv"}
    path = f"/v1/models/{known.kind.name}:predict"
    reply = post(service.address, path, body, headers)
    assert reply.status == 200, reply.body
    header, *lines = csv.reader(io.StringIO(reply.body.decode()))
    if header[-1] == "warnings":  # of columns whose policy is to flag; here is nothing to flag
        assert [line.pop() for line in lines] == [""] * len(lines)
    wanted = expected(known, rows)
    assert len(lines) == len(wanted)
    for line, one in zip(lines, wanted, strict=True):
        values: list[Any] = one if isinstance(one, list) else [one]
        assert len(line) == len(values)
        assert all(map(stands_for, line, values))


DATED = ("dates-as-texts", "dates-in-parts", "moments", "moments-of-a-zone")
NO_DATES = ("29.11.2026", "2026-02-30", "20261129", "tomorrow", "2026-11-29T25:00")


@pytest.fixture(params=DATED)
def dated(request: pytest.FixtureRequest, shelf: Shelf) -> Known:
    """Give each kind whose first column holds dates in turn."""
    return shelf.known[request.param]


@pytest.mark.parametrize("text", NO_DATES)
def test_what_is_no_date_is_refused_and_not_guessed(
    service: Service, dated: Known, text: str
) -> None:
    """By each way in, however large the body, with the words that the client needs."""
    rows = dated.many(3).astype(object)
    cells = as_json(rows)
    cells[1][0] = text
    name = str(rows.columns[0])
    path = f"/v1/models/{dated.kind.name}:predict"
    frame = pd.DataFrame(cells, columns=rows.columns)
    table = pa.Table.from_pandas(frame.astype({name: "str"}), preserve_index=False)
    large = [*as_json(dated.many(MANY)), cells[1]]
    columns = dict(zip(map(str, rows.columns), zip(*cells, strict=True), strict=True))
    replies = [
        post(service.address, path, {"instances": cells}),
        post(service.address, path, {"instances": large}),
        post(service.address, path, {"inputs": columns}),
        post(service.address, path, frame.to_csv(index=False).encode(), CSV),
        post(service.address, path, stream_of(table), ARROW),
    ]
    for reply in replies:
        assert reply.status == 422, reply.body
        assert "should be a day or time in ISO 8601" in reply.json()["error"]
        assert {name, 0} & set(reply.json()["details"][0]["loc"])
    partial = post(service.address, f"{path}?partial=true", {"instances": cells}).json()
    good = dated.many(3).iloc[[0, 2]]
    assert partial["predictions"][1] is None
    assert same(partial["predictions"][::2], expected(dated, good))


def test_arrow_may_hold_moments(service: Service, dated: Known) -> None:
    rows = dated.many(40)
    moments = rows.copy()
    moments[rows.columns[0]] = pd.to_datetime(rows[rows.columns[0]])
    table = pa.Table.from_pandas(moments, preserve_index=False)
    path = f"/v1/models/{dated.kind.name}:predict"
    reply = post(service.address, path, stream_of(table), ARROW)
    assert reply.status == 200, reply.body
    assert same(reply.json()["predictions"], expected(dated, rows))


def stream_of(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def stands_for(text: str, value: Any) -> bool:
    """Return whether a CSV cell is a value's text."""
    if isinstance(value, bool):
        return text == str(value).lower()
    return same(type(value)(text), value)
