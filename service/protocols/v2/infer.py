"""V2's infer: how requests are read, and answers and errors are written."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import orjson

from models.store import PRODUCTION
from service.batching.answer import Answer
from service.batching.fair import HIGH, LOW, NORMAL
from service.catalogue import Catalogue, ServedVersion
from service.errors import ServiceError
from service.protocols.http import JSON, Headers, Reply, error_reply, http_error, http_words
from service.protocols.media import UNREAD
from service.protocols.v2.about import PROBABILITIES
from service.protocols.v2.outputs import Wanted, answer_tensors, wanted_outputs, warning_parameters
from service.protocols.v2.requests import (
    HEADER_LENGTH,
    Asked,
    InferRequest,
    read_request,
    whole_number,
)
from service.protocols.v2.rows import payload_of
from service.protocols.v2.tensors import to_bytes
from service.protocols.wire import Question, Whole, Written

PREFIX = "/v2"
OCTETS = b"application/octet-stream"
STATUS = {422: 400, 415: 400}
"""The protocol knows one status for what is wrong with a request."""
_PRIORITIES = {1: HIGH, 2: NORMAL}


class Form(NamedTuple):
    """How the answer to a request shall be written."""

    id: str | None
    outputs: tuple[Wanted, ...]


class InferV2(Whole):
    """Reads and writes infer requests.

    Args:
        inline_body_bytes: the values of larger bodies are held against the schema in a thread.
    """

    def __init__(self, inline_body_bytes: int) -> None:
        self._inline_body_bytes = inline_body_bytes

    def read(self, served: ServedVersion, query: bytes, headers: Headers, body: bytes) -> Question:
        """Return what is asked.

        Raises:
            Unreadable: the body is no infer request.
            TooLarge: it has too many rows.
            Unfit: it does not fit the model.
        """
        del query
        asked = read_request(served.manifest, headers, body)
        return question_of(served, asked, aside=len(body) > self._inline_body_bytes)

    def write(self, served: ServedVersion, question: Question, answer: Answer) -> Written:
        """Return the outputs, as JSON or with binary data behind it."""
        form: Form = question.form
        manifest = served.manifest
        tensors = answer_tensors(manifest.output, answer, form.outputs)
        blobs, outputs = [], []
        for wanted, tensor in zip(form.outputs, tensors, strict=True):
            name, datatype, shape, values = tensor
            said: dict[str, Any] = {"name": name, "datatype": datatype, "shape": shape}
            if wanted.binary:
                blobs.append(to_bytes(tensor))
                said["parameters"] = {"binary_data_size": len(blobs[-1])}
            else:
                said["data"] = values
            outputs.append(said)
        head: dict[str, Any] = {
            "model_name": manifest.name,
            "model_version": str(manifest.version),
        }
        if form.id is not None:
            head["id"] = form.id
        if question.payload.warnings is not None:
            head["parameters"] = warning_parameters(question.payload.warnings)
        text = orjson.dumps(head | {"outputs": outputs})
        if not blobs:
            return Written(text, [(b"content-type", JSON)])
        headers = [(b"content-type", OCTETS), (HEADER_LENGTH, b"%d" % len(text))]
        return Written(b"".join([text, *blobs]), headers)

    def refuse(self, error: ServiceError, id_: bytes) -> Reply:
        """Return the error's answer, which the protocol gives one key only."""
        return v2_error(error, id_)


def question_of(served: ServedVersion, asked: Asked, *, aside: bool = False) -> Question:
    """Return what a request asks, whichever way it came.

    Args:
        served: the version that is asked.
        asked: the request.
        aside: leave its rows to whoever reads them in a thread.

    Raises:
        Unreadable: a parameter is not of its type.
        TooLarge: there are too many rows.
        Unfit: it does not fit the model.
    """
    form = Form(asked.head.id, wanted_outputs(served, asked))
    probabilities = any(one.name == PROBABILITIES for one in form.outputs)
    timeout_us = whole_number(asked.head.parameters, "timeout")
    read = partial(payload_of, served, asked.tensors)
    return Question(
        UNREAD if aside else read(),
        probabilities,
        form,
        timeout_us / 1e6 if timeout_us else None,
        _priority(asked.head),
        read if aside else None,
    )


def is_v2(path: str) -> bool:
    """Return whether a path is one of this protocol's."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def v2_error(error: ServiceError, id_: bytes) -> Reply:
    """Return the answer that an error is in this protocol."""
    reply = error_reply(error, id_)
    body = orjson.dumps({"error": error.message})
    return Reply(STATUS.get(reply.status, reply.status), body, reply.headers)


def v2_http_error(status: int, id_: bytes, headers: Mapping[str, str] | None) -> Reply:
    """Return the answer to a request that no route takes, such as 405."""
    reply = http_error(status, id_, headers)
    return reply._replace(body=orjson.dumps({"error": http_words(status, headers)}))


def infer_paths(catalogue: Catalogue) -> dict[str, ServedVersion]:
    """Return every infer path that means a served version."""
    paths = {}
    for name, model in catalogue.models.items():
        for version, served in model.served.items():
            paths[f"/v2/models/{name}/versions/{version}/infer"] = served
        production = model.effective.get(PRODUCTION)
        if production is not None:
            paths[f"/v2/models/{name}/infer"] = model.served[production]
    return paths


def _priority(head: InferRequest) -> int | None:
    """Return Triton's priority as ours: 1 is the highest, 0 says nothing."""
    asked = whole_number(head.parameters, "priority")
    return _PRIORITIES.get(asked, LOW) if asked else None
