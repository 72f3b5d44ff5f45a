"""The table that emulated replicas answer from: hashes of bodies and their right answers."""

import hashlib
import json
from collections.abc import Sequence

from loadtest.payload import Request

Table = dict[str, tuple[int, bytes]]


def answer_table(requests: Sequence[Request]) -> Table:
    """Return, for the hash of each request's body, its rows and the body of its right answer."""
    return dict(_entry(request) for request in requests)


def _entry(request: Request) -> tuple[str, tuple[int, bytes]]:
    body = request.wire.partition(b"\r\n\r\n")[2]
    (version, answer), *_ = request.expected.answers.items()
    content = {
        "model": request.expected.model,
        "version": version,
        "predictions": answer.predictions,
    }
    if answer.probabilities is not None:
        content |= {"classes": answer.classes, "probabilities": answer.probabilities}
    return hashlib.sha256(body).hexdigest(), (request.rows, json.dumps(content).encode())
