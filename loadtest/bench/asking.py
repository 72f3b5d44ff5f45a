"""A cell's requests: as bytes for each server, with the right answers beside them."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from loadtest.bench.cells import Cell, Form
from loadtest.bench.shelf import Stored
from loadtest.http1 import Address, head
from loadtest.oracle import right_answers
from loadtest.payload import Answer, Expected, Request
from loadtest.peers.catalogue import Peer

SINGLES: Final = 50
"""Different requests of one row."""
SEVERAL: Final = 4
"""Different requests of many rows; of more than 10,000 rows there is one."""

_TYPES: Final[Mapping[Form, str]] = {
    "json": "application/json",
    "v2": "application/json",
    "v2-binary": "application/octet-stream",
    "npy": "application/x-npy",
    "arrow": "application/vnd.apache.arrow.stream",
    "picture": "application/json",
}

_CHUNK_ROWS: Final = 100_000
"""Of a record batch; a client with more rows than that has them in several."""
_JSON_PLEASE: Final = {"Accept": "application/json"}
"""Answers are JSON whatever the question is, so that all are judged alike."""


@dataclass(frozen=True)
class Asking:
    """Rows of requests and their right answers, whoever is asked."""

    stored: Stored
    form: Form
    batches: list[list[Any]]
    answers: list[Answer]

    def of_percore(self, address: Address) -> list[Request]:
        """Return requests to Percore."""
        artefact = self.stored.artefact
        path = f"/v1/models/{artefact.name}:predict"
        if artefact.probabilities:
            path += "?probabilities=true"
        if self.form in ("v2", "v2-binary"):
            path = f"/v2/models/{artefact.name}/infer"
        return [
            Request(
                wire=self._wire(path, address, rows),
                expected=self._expected(answer, v2=self.form in ("v2", "v2-binary")),
                rows=len(rows),
            )
            for rows, answer in zip(self.batches, self.answers, strict=True)
        ]

    def of_peer(self, peer: Peer, address: Address) -> list[Request]:
        """Return requests as the peer wants them."""
        probabilities = self.stored.artefact.probabilities
        return [
            Request(
                wire=wire(
                    peer.path,
                    address,
                    _TYPES["json"],
                    peer.body(rows, probabilities=probabilities),
                ),
                expected=self._expected(answer).model_copy(update={"dialect": peer.dialect}),
                rows=len(rows),
            )
            for rows, answer in zip(self.batches, self.answers, strict=True)
        ]

    def _wire(self, path: str, address: Address, rows: Sequence[Any]) -> bytes:
        columns = [column["name"] for column in self.stored.artefact.input.get("columns", [])]
        extra, body = encoded(self.form, rows, columns, self.stored.artefact.probabilities)
        return wire(path, address, _TYPES[self.form], body, extra)

    def _expected(self, answer: Answer, *, v2: bool = False) -> Expected:
        artefact = self.stored.artefact
        return Expected(
            model=artefact.name,
            labels=artefact.labels,
            answers={artefact.version: answer},
            dialect="v2" if v2 else "percore",
        )


def asking(stored: Stored, cell: Cell) -> Asking:
    """Return a cell's requests; the answers come from joblib and scikit-learn alone."""
    distinct = SINGLES if cell.rows == 1 else SEVERAL if cell.rows <= 10_000 else 1
    batches = batches_of(stored.rows, cell.rows, distinct)
    verdicts = right_answers(stored.artefact, batches, probabilities=stored.artefact.probabilities)
    return Asking(stored, cell.form, batches, verdicts.answers)


def batches_of(rows: Sequence[Any], size: int, distinct: int) -> list[list[Any]]:
    """Return requests of `size` rows, spread over all rows and going round at their end."""
    stride = max(1, len(rows) // distinct)
    return [
        [rows[(first * stride + number) % len(rows)] for number in range(size)]
        for first in range(distinct)
    ]


def encoded(
    form: Form, rows: Sequence[Any], columns: Sequence[str], probabilities: bool
) -> tuple[dict[str, str], bytes]:
    """Return further headers and the body of a request to Percore; the answer is JSON always."""
    if form in ("json", "picture"):
        return {}, json.dumps({"instances": list(rows)}, allow_nan=False).encode()
    X = np.asarray(rows, dtype=np.float64)
    if form == "npy":
        file = io.BytesIO()
        np.save(file, X)
        return _JSON_PLEASE, file.getvalue()
    if form == "arrow":
        return _JSON_PLEASE, _arrow(X, columns)
    return _tensor(X, probabilities=probabilities, binary=form == "v2-binary")


def _arrow(X: Any, columns: Sequence[str]) -> bytes:
    arrays = [np.ascontiguousarray(X[:, column]) for column in range(X.shape[1])]
    table = pa.table(dict(zip(columns, arrays, strict=True)))
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=_CHUNK_ROWS)
    return sink.getvalue()


def _tensor(X: Any, *, probabilities: bool, binary: bool) -> tuple[dict[str, str], bytes]:
    tensor: dict[str, Any] = {"name": "input", "shape": list(X.shape), "datatype": "FP64"}
    output = {"name": "predict_proba" if probabilities else "predict"}
    if not binary:
        tensor["data"] = X.ravel().tolist()
        return {}, json.dumps({"inputs": [tensor], "outputs": [output]}).encode()
    tensor["parameters"] = {"binary_data_size": X.nbytes}
    text = json.dumps({"inputs": [tensor], "outputs": [output]}).encode()
    return {"Inference-Header-Content-Length": str(len(text))}, text + X.tobytes()


def wire(
    path: str,
    address: Address,
    content_type: str,
    body: bytes,
    extra: Mapping[str, str] | None = None,
) -> bytes:
    """Return a POST request as it goes over the wire."""
    fields = {
        "Host": str(address),
        "Content-Type": content_type,
        "Content-Length": str(len(body)),
        **(extra or {}),
    }
    headers = [(name.encode(), value.encode()) for name, value in fields.items()]
    return head(f"POST {path} HTTP/1.1".encode(), headers) + body
