"""Tables as CSV and as arrays, and answers as CSV: the same numbers as in scikit-learn."""

import csv
import io
from base64 import b64encode
from typing import Any

import numpy as np
import pytest

from tests.integration.pictures import png
from tests.integration.refusals import refused
from tests.integration.rows import CLASSIFIERS, TABLES, Manifest, Reference, columns, draw
from tests.integration.server import Service
from tests.integration.wire import Connection, Reply, post, request

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(180),
    pytest.mark.usefixtures("same_workers"),
]

TOLERANCE = 1e-12
CSV = {"Content-Type": "text/csv"}
NPY = {"Content-Type": "application/x-npy"}
NUMBERS = ("iris", "breast_cancer", "diabetes")
SMALL, LARGE = 40, 3000
"""Rows of a body that is read at once, and of one that is read aside."""


def agree(got: list[Any], expected: list[Any]) -> bool:
    return len(got) == len(expected) and all(
        type(one) is type(other)
        and (abs(one - other) <= TOLERANCE if isinstance(other, float) else one == other)
        for one, other in zip(got, expected, strict=True)
    )


def as_csv(
    manifest: Manifest, rows: list[list[Any]], order: list[int] | None = None, end: str = "\n"
) -> bytes:
    """Return rows as CSV, with a header if `order` says where which column stands."""
    names = [column["name"] for column in columns(manifest)]
    text = io.StringIO()
    write = csv.writer(text, lineterminator=end).writerow
    if order is not None:
        write([names[i] for i in order])
    for row in rows:
        write([row[i] for i in order or range(len(row))])
    return text.getvalue().encode()


def as_npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def predict(
    service: Service, model: str, body: Any, headers: dict[str, str], query: str = ""
) -> Reply:
    return post(service.address, f"/v1/models/{model}:predict{query}", body, headers)


def check(service: Service, reply: Reply, rows: list[list[Any]], reference: Reference) -> None:
    """Check a JSON answer, which has probabilities if the model has."""
    assert reply.status == 200, reply.body[:500]
    answer = reply.json()
    expected = reference(answer["model"], rows)
    assert agree(answer["predictions"], expected["predictions"])
    if expected["probabilities"] is not None:
        classes = service.manifest(answer["model"])["output"]["classes"]
        assert answer["classes"] == classes
        pairs = zip(answer["probabilities"], expected["probabilities"], strict=True)
        assert all(agree(got, wanted) for got, wanted in pairs)


def query_of(model: str) -> str:
    return "?probabilities=true" if model in CLASSIFIERS else ""


@pytest.mark.parametrize("count", [1, SMALL, LARGE])
@pytest.mark.parametrize("model", TABLES)
@pytest.mark.parametrize("form", ["fitted order", "header", "header reversed", "CRLF"])
def test_csv(service: Service, reference: Reference, model: str, form: str, count: int) -> None:
    manifest = service.manifest(model)
    rows = draw(manifest, count, seed=61, nulls=0.3)
    width = len(columns(manifest))
    order = {"header": [*range(width)], "header reversed": [*range(width)][::-1]}.get(form)
    body = as_csv(manifest, rows, order, "\r\n" if form == "CRLF" else "\n")
    reply = predict(service, model, body, CSV, query_of(model))
    check(service, reply, rows, reference)


def test_csv_gives_the_answer_that_json_gives(service: Service) -> None:
    manifest = service.manifest("students")
    rows = draw(manifest, SMALL, seed=62, nulls=0.5)
    assert any(None in row for row in rows)
    reply = predict(service, "students", as_csv(manifest, rows), CSV)
    as_json = predict(service, "students", {"instances": rows}, {})
    assert reply.body == as_json.body


@pytest.mark.parametrize(
    "kind", ["TEXT/CSV", "text/csv; charset=utf-8", 'text/csv;charset="UTF-8"']
)
def test_ways_to_say_csv(service: Service, kind: str) -> None:
    reply = predict(service, "iris", b"5.1,3.5,1.4,0.2", {"Content-Type": kind})
    assert reply.json()["predictions"] == ["setosa"]


def test_csv_in_another_charset(service: Service) -> None:
    headers = {"Content-Type": "text/csv; charset=utf-16"}
    reply = predict(service, "iris", "5.1,3.5,1.4,0.2".encode("utf-16"), headers)
    refused(reply, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 422, "no rows"),
        (b"5.1,3.5,1.4", 422, "Row 0 has 3 cells"),
        (b"5.1,3.5,1.4,0.2\n5.1,wide,1.4,0.2", 422, "Row 1, column sepal_width"),
        (b"5.1,3.5,1.4,0.2\n5.1,,1.4,0.2", 422, "Row 1, column sepal_width"),
        (b"5.1,3.5,1.4,0.2\n5.1,nan,1.4,0.2", 422, "Row 1, column sepal_width"),
        (b"sepal_length,sepal_width,petal_length\n1,2,3", 422, "missing: 'petal_width'"),
        (b'5.1,"3.5', 400, "not valid CSV"),
        (b"\xff\xfe5", 400, "not UTF-8"),
    ],
)
@pytest.mark.parametrize("padding", [b"", b"\n" * 20_000], ids=["small", "large"])
def test_csv_that_does_not_fit(
    service: Service, body: bytes, status: int, words: str, padding: bytes
) -> None:
    error = refused(predict(service, "iris", body + padding, CSV), status)
    assert words in error["error"]


@pytest.mark.parametrize("count", [1, SMALL, LARGE])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["<f8", ">f8"])
@pytest.mark.parametrize("model", NUMBERS)
def test_npy(
    service: Service, reference: Reference, model: str, kind: str, order: Any, count: int
) -> None:
    rows = draw(service.manifest(model), count, seed=63)
    body = as_npy(np.array(rows, dtype=kind, order=order))
    check(service, predict(service, model, body, NPY, query_of(model)), rows, reference)


def test_npy_of_float32_is_widened(service: Service, reference: Reference) -> None:
    array = np.array(draw(service.manifest("diabetes"), SMALL, seed=64), dtype="f4")
    reply = predict(service, "diabetes", as_npy(array), NPY)
    check(service, reply, array.astype("f8").tolist(), reference)


def test_npy_of_whole_numbers(service: Service, reference: Reference) -> None:
    rows = [[5, 3, 1, 0], [7, 3, 6, 2]]
    reply = predict(service, "iris", as_npy(np.array(rows)), NPY, "?probabilities=true")
    check(service, reply, [[float(cell) for cell in row] for row in rows], reference)


def test_octets_that_are_npy(service: Service) -> None:
    body = as_npy(np.array([5.1, 3.5, 1.4, 0.2]))
    reply = predict(service, "iris", body, {"Content-Type": "application/octet-stream"})
    assert reply.json()["predictions"] == ["setosa"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"\x93NUMPY\x01\x00\xff\xff", 400),
        (as_npy(np.zeros((2, 4)))[:-1], 400),
        (as_npy(np.zeros((2, 5))), 422),
        (as_npy(np.full((2, 4), np.nan)), 422),
        (as_npy(np.full((2, 4), np.inf)), 422),
        (as_npy(np.array([["a", "b", "c", "d"]])), 422),
    ],
)
def test_npy_that_does_not_fit(service: Service, body: bytes, status: int) -> None:
    refused(predict(service, "iris", body, NPY), status)


def test_npy_for_a_model_with_texts(service: Service) -> None:
    width = len(columns(service.manifest("students")))
    error = refused(predict(service, "students", as_npy(np.ones((1, width))), NPY), 422)
    assert "Row 0, column school" in error["error"]


def test_more_rows_than_are_taken(strict: Service) -> None:
    line = b"5.1,3.5,1.4,0.2\n"
    assert predict(strict, "iris", line * 50, CSV).status == 200
    refused(predict(strict, "iris", line * 51, CSV), 413, "too_large")
    assert predict(strict, "iris", as_npy(np.ones((50, 4))), NPY).status == 200
    refused(predict(strict, "iris", as_npy(np.ones((51, 4))), NPY), 413, "too_large")


@pytest.mark.parametrize("kind", ["text/csv", "application/x-npy"])
def test_a_picture_is_no_table(service: Service, kind: str) -> None:
    reply = predict(service, "digits", b"1,2,3", {"Content-Type": kind})
    assert "image/png" in refused(reply, 415)["error"]


@pytest.mark.parametrize("count", [SMALL, LARGE])
@pytest.mark.parametrize("model", TABLES)
@pytest.mark.parametrize("sent", ["JSON", "CSV"])
def test_answers_as_csv(
    service: Service, reference: Reference, model: str, sent: str, count: int
) -> None:
    manifest = service.manifest(model)
    rows = draw(manifest, count, seed=65, nulls=0.3)
    body: Any = {"instances": rows} if sent == "JSON" else as_csv(manifest, rows)
    headers = {"Accept": "text/csv"} | (CSV if sent == "CSV" else {})
    reply = predict(service, model, body, headers, query_of(model))
    assert reply.status == 200, reply.body[:500]
    assert reply.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    head, *lines = csv.reader(io.StringIO(reply.body.decode(), newline=""))
    expected = reference(model, rows)
    assert len(lines) == count
    if model in CLASSIFIERS:
        classes = manifest["output"]["classes"]
        assert head == ["prediction", *(f"probability_{label}" for label in classes)]
        assert [line[0] for line in lines] == [str(label) for label in expected["predictions"]]
        for line, wanted in zip(lines, expected["probabilities"], strict=True):
            assert agree([float(cell) for cell in line[1:]], wanted)
    else:
        flagged = any("flag" in column["policy"].values() for column in columns(manifest))
        assert flagged is (model == "students")
        assert head == ["prediction", *(["warnings"] if flagged else [])]
        assert not any(cell for line in lines for cell in line[1:])  # the rows are of the known
        assert agree([float(line[0]) for line in lines], expected["predictions"])


def test_one_instance_as_csv(service: Service) -> None:
    body = {"instance": [5.1, 3.5, 1.4, 0.2]}
    reply = predict(service, "iris", body, {"Accept": "text/csv"})
    assert reply.body == b"prediction\nsetosa\n"


def test_pictures_answered_as_csv(service: Service, reference: Reference) -> None:
    pictures = [{"b64": b64encode(png(seed=seed)).decode()} for seed in range(3)]
    expected = reference("digits", pictures)
    accept = {"Accept": "text/csv"}
    many = predict(service, "digits", {"instances": pictures}, accept, "?probabilities=true")
    kind = {"Content-Type": "image/png"}
    one = predict(service, "digits", png(seed=0), accept | kind, "?probabilities=true")
    head, *lines = many.body.decode().splitlines()
    assert head == ",".join(["prediction", *(f"probability_{digit}" for digit in range(10))])
    assert [int(line.split(",")[0]) for line in lines] == expected["predictions"]
    for line, wanted in zip(lines, expected["probabilities"], strict=True):
        assert agree([float(cell) for cell in line.split(",")[1:]], wanted)
    assert one.body.decode().splitlines()[1].split(",")[0] == lines[0].split(",")[0]


def test_an_error_is_json_whatever_is_accepted(service: Service) -> None:
    reply = predict(service, "iris", b"x", CSV | {"Accept": "text/csv"})
    refused(reply, 422, "schema_mismatch")


def test_a_client_that_goes_while_its_table_is_read(service: Service) -> None:
    body = b"5.1,3.5,1.4,0.2\n" * 100_000
    for _ in range(3):
        with Connection(service.address) as connection:
            connection.send(request("POST", "/v1/models/iris:predict", body, CSV))
    reply = predict(service, "iris", b"5.1,3.5,1.4,0.2\n" * LARGE, CSV)
    assert reply.json()["predictions"] == ["setosa"] * LARGE
    assert not [event for event in service.events() if event["level"] == "error"]
