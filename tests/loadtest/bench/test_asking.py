"""Bodies in every form say the same rows, and answers are judged."""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from loadtest.bench.asking import asking, batches_of, encoded, wire
from loadtest.bench.cells import Cell, Form
from loadtest.bench.growth.rows import tiled
from loadtest.bench.shelf import Stored
from loadtest.http1 import Address
from loadtest.judge import find_fault
from loadtest.payload import Answer
from loadtest.peers.catalogue import PEERS
from tests.loadtest.shelf import put_classifier

ROWS = [[1.0, 2.0, 3.0], [4.0, 5.5, 6.25]]
NAMES = ["a", "b", "c"]
ADDRESS = Address("127.0.0.1", 80)


def test_requests_are_spread_over_all_rows_and_go_round() -> None:
    assert batches_of("abcdef", 1, 3) == [["a"], ["c"], ["e"]]
    assert batches_of("abc", 7, 1) == [list("abcabca")]
    assert batches_of("ab", 1, 4) == [["a"], ["b"], ["a"], ["b"]]


def test_json_npy_and_arrow_hold_the_rows() -> None:
    _, text = encoded("json", ROWS, NAMES, True)
    assert json.loads(text) == {"instances": ROWS}
    headers, npy = encoded("npy", ROWS, NAMES, True)
    assert np.load(io.BytesIO(npy)).tolist() == ROWS
    assert headers == {"Accept": "application/json"}
    _, arrow = encoded("arrow", ROWS, NAMES, True)
    table = pa.ipc.open_stream(arrow).read_all()
    assert table.column_names == NAMES
    assert [list(row.values()) for row in table.to_pylist()] == ROWS


def test_tensors_hold_the_rows() -> None:
    _, text = encoded("v2", ROWS, NAMES, True)
    (tensor,) = json.loads(text)["inputs"]
    assert (tensor["shape"], tensor["data"]) == ([2, 3], [1, 2, 3, 4, 5.5, 6.25])
    assert json.loads(text)["outputs"] == [{"name": "predict_proba"}]
    headers, body = encoded("v2-binary", ROWS, NAMES, False)
    length = int(headers["Inference-Header-Content-Length"])
    head = json.loads(body[:length])
    assert head["inputs"][0]["parameters"] == {"binary_data_size": 48}
    assert head["outputs"] == [{"name": "predict"}]
    assert np.frombuffer(body[length:]).reshape(2, 3).tolist() == ROWS


def test_a_wire_is_a_whole_request() -> None:
    assert wire("/p?q=1", ADDRESS, "text/x", b"body", {"Accept": "y"}) == (
        b"POST /p?q=1 HTTP/1.1\r\nHost: 127.0.0.1:80\r\nContent-Type: text/x\r\n"
        b"Content-Length: 4\r\nAccept: y\r\n\r\nbody"
    )


@pytest.mark.parametrize("form", ["json", "v2"])
def test_the_right_answer_is_right_and_another_rows_is_wrong(tmp_path: Path, form: Form) -> None:
    artefact = put_classifier(tmp_path)
    asked = asking(Stored(artefact, artefact.instances), Cell("x", 1, 2, form))
    first = asked.of_percore(ADDRESS)[0]
    chances = asked.answers[0].probabilities
    said = {
        "json": {
            "model": "m",
            "version": 1,
            "predictions": asked.answers[0].predictions,
            "classes": ["down", "up"],
            "probabilities": chances,
        },
        "v2": {"outputs": [{"data": np.ravel(chances or []).tolist(), "shape": [2, 2]}]},
    }[form]
    assert find_fault(first.expected, json.dumps(said).encode()) == ""
    swapped = json.loads(json.dumps(said))
    if form == "json":
        swapped["probabilities"].reverse()
    else:
        swapped["outputs"][0]["data"].reverse()
    assert find_fault(first.expected, json.dumps(swapped).encode()) == "probabilities"


def test_a_peer_gets_the_same_rows_in_its_own_words(tmp_path: Path) -> None:
    artefact = put_classifier(tmp_path)
    asked = asking(Stored(artefact, artefact.instances), Cell("x", 1, 2))
    (first, *_) = asked.of_peer(PEERS["mosec"], ADDRESS)
    head, _, body = first.wire.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /inference HTTP/1.1\r\n")
    assert json.loads(body) == {"instances": asked.batches[0]}
    assert first.expected.dialect == "plain"


def test_an_answer_is_tiled_to_its_rows() -> None:
    tile = Answer(predictions=[1, 2], classes=[1, 2], probabilities=[[0.5, 0.5], [0.1, 0.9]])
    found = tiled(tile, 5)
    assert found.predictions == [1, 2, 1, 2, 1]
    assert found.probabilities is not None
    assert found.probabilities[4] == [0.5, 0.5]
