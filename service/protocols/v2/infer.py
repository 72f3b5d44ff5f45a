"""V2's infer: tensors to rows, answers to tensors."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.schema import OutputSchema
from models.store import PRODUCTION
from service.batching.entry import Answer, Payload
from service.batching.fair import HIGH, LOW, NORMAL
from service.catalogue import Catalogue, ServedVersion
from service.errors import Internal, ServiceError, Unfit, Unreadable
from service.inference.messages import Media
from service.protocols.http import JSON, STATUS, Headers, Reply, error_reply, http_error
from service.protocols.predictions import Question, Written
from service.protocols.v2.about import (
    IMAGE,
    PREDICT,
    PROBABILITIES,
    TABLE,
    is_one_tensor,
    output_datatype,
)
from service.protocols.v2.tensors import (
    InputTensor,
    Parameter,
    RequestedOutput,
    Tensor,
    read_tensor,
    to_bytes,
)

HEADER_LENGTH = b"inference-header-content-length"
OCTETS = b"application/octet-stream"
V2_STATUS = {422: 400, 415: 400}
"""The protocol knows one status for what is wrong with a request."""


class InferRequest(BaseModel):
    """The JSON of an infer request; keys that nobody knows are left alone, as the protocol asks."""

    model_config = ConfigDict(strict=True)

    id: str | None = Field(default=None, max_length=1024)
    parameters: dict[str, Any] = Field(default_factory=dict)
    inputs: list[InputTensor] = Field(min_length=1, max_length=10_000)
    outputs: list[RequestedOutput] | None = Field(default=None, max_length=16)


class Wanted(NamedTuple):
    """An output as it shall be sent."""

    name: str
    binary: bool


class Form(NamedTuple):
    """How the answer to a request shall be written."""

    id: str | None
    outputs: tuple[Wanted, ...]


class InferV2:
    """Reads and writes infer requests."""

    def read(self, served: ServedVersion, query: bytes, headers: Headers, body: bytes) -> Question:
        """Return what is asked.

        Raises:
            Unreadable: the body is no infer request.
            Unfit: it does not fit the model.
        """
        del query
        request, tensors = read_request(served, headers, body)
        form = Form(request.id, _wanted(served, request, body_is_raw=_json_length(headers) == 0))
        probabilities = any(one.name == PROBABILITIES for one in form.outputs)
        timeout_s = _number(request, "timeout")
        return Question(
            _payload(served, tensors),
            probabilities,
            form,
            timeout_s / 1e6 if timeout_s else None,
            _priority(request),
        )

    def write(self, served: ServedVersion, question: Question, answer: Answer) -> Written:
        """Return the outputs, as JSON or with binary data behind it."""
        form: Form = question.form
        tensors = answer_tensors(served, answer, [one.name for one in form.outputs])
        blobs, outputs = [], []
        for wanted, tensor in zip(form.outputs, tensors, strict=True):
            said: dict[str, Any] = {
                "name": tensor.name,
                "datatype": tensor.datatype,
                "shape": tensor.shape,
            }
            if wanted.binary:
                blobs.append(to_bytes(tensor))
                said["parameters"] = {"binary_data_size": len(blobs[-1])}
            else:
                said["data"] = tensor.values
            outputs.append(said)
        head: dict[str, Any] = {
            "model_name": served.manifest.name,
            "model_version": str(served.manifest.version),
        }
        if form.id is not None:
            head["id"] = form.id
        text = orjson.dumps(head | {"outputs": outputs})
        if not blobs:
            return Written(text, [(b"content-type", JSON)])
        headers = [(b"content-type", OCTETS), (HEADER_LENGTH, str(len(text)).encode())]
        return Written(b"".join([text, *blobs]), headers)

    def refuse(self, error: ServiceError, id_: bytes) -> Reply:
        """Return the error's answer, which the protocol gives one key only."""
        return v2_error(error, id_)


def v2_error(error: ServiceError, id_: bytes) -> Reply:
    """Return the answer that an error is in this protocol."""
    reply = error_reply(error, id_)
    body = orjson.dumps({"error": error.message})
    return Reply(V2_STATUS.get(STATUS.get(type(error), 500), reply.status), body, reply.headers)


def v2_http_error(status: int, id_: bytes, headers: Mapping[str, str] | None) -> Reply:
    """Return the answer to a request that no route takes, such as 405."""
    reply = http_error(status, id_, headers)
    return reply._replace(body=orjson.dumps({"error": f"{HTTPStatus(status).phrase}."}))


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


def read_request(
    served: ServedVersion, headers: Headers, body: bytes
) -> tuple[InferRequest, list[Tensor]]:
    """Return a request and the values of its tensors.

    Raises:
        Unreadable: the JSON, or the binary data behind it, is not what it should be.
    """
    length = _json_length(headers)
    if length == 0:
        return _raw_request(served, body)
    if length is not None and length > len(body):
        raise Unreadable("Inference-Header-Content-Length is more than the whole body.")
    text, at = body[:length], len(body) if length is None else length
    try:
        request = InferRequest.model_validate_json(text)
    except ValidationError as error:
        raise Unreadable(_sentence(error)) from None
    tensors = []
    for said in request.inputs:
        binary = None
        size = said.parameters.get("binary_data_size")
        if size is not None:
            if not isinstance(size, int) or size < 0 or at + size > len(body):
                raise Unreadable(f"Input {said.name!r}: binary_data_size does not fit the body.")
            binary, at = body[at : at + size], at + size
        tensors.append(read_tensor(said, binary))
    if at != len(body):
        raise Unreadable(f"{len(body) - at} bytes of the body belong to no input.")
    names = [tensor.name for tensor in tensors]
    if len(set(names)) < len(names):
        raise Unreadable("Two inputs have the same name.")
    return request, tensors


def answer_tensors(served: ServedVersion, answer: Answer, names: Sequence[str]) -> list[Tensor]:
    """Return the named outputs of an answer."""
    predictions, chances = answer.predictions, answer.probabilities
    if answer.text is not None:  # written by the worker, for a picture
        said = orjson.loads(answer.text)
        predictions, chances = said["predictions"], said.get("probabilities")
    output, rows = served.manifest.output, len(predictions)
    found = []
    for name in names:
        if name == PROBABILITIES:
            if chances is None:
                raise Internal("The probabilities are missing.")
            flat = [chance for row in chances for chance in row]
            found.append(Tensor(name, "FP64", (rows, len(output.classes or ())), flat))
        else:
            found.append(_predictions(output, predictions, rows))
    return found


def _predictions(output: OutputSchema, predictions: Sequence[Any], rows: int) -> Tensor:
    datatype = output_datatype(output)
    if output.width is None:
        return Tensor(PREDICT, datatype, (rows,), list(predictions))
    flat = [value for row in predictions for value in row]
    return Tensor(PREDICT, datatype, (rows, output.width), flat)


def _payload(served: ServedVersion, tensors: list[Tensor]) -> Payload:
    if served.pack is None or served.rows is None:
        return _pictures(tensors)
    checked = served.rows.from_columns(_columns(served.rows.names, tensors))
    if not checked:
        raise Unfit("There are no rows.")
    cells = served.pack(checked)
    return Payload(cells.rows, cells)


def _columns(names: Sequence[str], tensors: list[Tensor]) -> list[Sequence[Any]]:
    """Return the columns in the fitted order, from one tensor a column or one for all.

    Raises:
        Unfit: a column is missing or nobody knows it, or a shape does not fit.
    """
    given = {tensor.name: tensor for tensor in tensors}
    if given.keys() == set(names):
        return [_column(given[name]) for name in names]
    if len(tensors) == 1 and len(tensors[0].shape) == 2:
        tensor = tensors[0]
        width = tensor.shape[1]
        if width != len(names):
            raise Unfit(f"Input {tensor.name!r} has {width} columns; the model has {len(names)}.")
        values = _texts(tensor)
        return [values[i::width] for i in range(width)]
    for name in names:
        if name not in given:
            raise Unfit(f"Input {name!r} is missing; or send one tensor of shape [rows, columns].")
    raise Unfit(f"The model has no input {min(given.keys() - set(names))[:64]!r}.")


def _column(tensor: Tensor) -> Sequence[Any]:
    if len(tensor.shape) not in {1, 2} or tensor.shape[1:] not in {(), (1,)}:
        raise Unfit(f"Input {tensor.name!r} is a column: its shape is [rows] or [rows, 1].")
    return _texts(tensor)


def _texts(tensor: Tensor) -> Sequence[Any]:
    """Return the values, those of BYTES as text."""
    if tensor.datatype != "BYTES":
        return tensor.values
    try:
        return [one.decode() if isinstance(one, bytes) else one for one in tensor.values]
    except UnicodeDecodeError:
        raise Unfit(f"Input {tensor.name!r} is not UTF-8.") from None


def _pictures(tensors: list[Tensor]) -> Payload:
    """Return pictures as V1 has them: base64 in JSON, which the worker decodes."""
    if len(tensors) != 1 or tensors[0].datatype != "BYTES":
        raise Unfit("The model takes one input: pictures (PNG or JPEG) as BYTES.")
    tensor = tensors[0]
    if len(tensor.shape) not in {1, 2} or tensor.shape[1:] not in {(), (1,)} or not tensor.values:
        raise Unfit(f"Input {tensor.name!r} has one picture a row: its shape is [rows].")
    encoded = [
        base64.b64encode(one).decode() if isinstance(one, bytes) else _base64(tensor.name, one)
        for one in tensor.values
    ]
    body = orjson.dumps({"instances": [{"b64": one} for one in encoded]})
    return Payload(len(encoded), None, body, Media.JSON)


def _base64(name: str, text: Any) -> str:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise Unfit(f"Input {name!r}: in JSON a picture is base64.") from None
    return str(text)


def _raw_request(served: ServedVersion, body: bytes) -> tuple[InferRequest, list[Tensor]]:
    """Return the request that is one input's bytes and nothing else: one row.

    Raises:
        Unfit: the model has several inputs.
    """
    schema = served.manifest.input
    if schema.kind == "image":
        said = InputTensor(name=IMAGE, shape=[1], datatype="BYTES")
        return InferRequest(inputs=[said]), [Tensor(IMAGE, "BYTES", (1,), [body])]
    if not is_one_tensor(schema):
        raise Unfit("The model has several inputs: send their names and shapes as JSON.")
    said = InputTensor(name=TABLE, shape=[1, len(schema.columns)], datatype="FP64")
    return InferRequest(inputs=[said]), [read_tensor(said, body)]


def _wanted(
    served: ServedVersion, request: InferRequest, *, body_is_raw: bool
) -> tuple[Wanted, ...]:
    """Return the outputs to send: all of them unless some are named."""
    known = [PREDICT, PROBABILITIES] if served.has_probabilities else [PREDICT]
    binary = bool(request.parameters.get("binary_data_output", body_is_raw))
    if not request.outputs:
        return tuple(Wanted(name, binary) for name in known)
    for one in request.outputs:
        if one.name not in known:
            raise Unfit(f"The model has no output {one.name[:64]!r}; it has {', '.join(known)}.")
    return tuple(
        Wanted(one.name, bool(one.parameters.get("binary_data", binary))) for one in request.outputs
    )


def _priority(request: InferRequest) -> int | None:
    """Return Triton's priority as ours: 1 is the highest, 0 says nothing."""
    asked = _number(request, "priority")
    if not asked:
        return None
    return HIGH if asked == 1 else NORMAL if asked == 2 else LOW


def _number(request: InferRequest, key: str) -> int:
    value: Parameter = request.parameters.get(key, 0)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Unreadable(f"The parameter {key} is a whole number, and not negative.")
    return value


def _json_length(headers: Headers) -> int | None:
    text = headers.get(HEADER_LENGTH)
    if text is None:
        return None
    if not text.isdigit():
        raise Unreadable("Inference-Header-Content-Length is a whole number of bytes.")
    return int(text[:12])


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return f"The body is not valid JSON: {first['msg'].removeprefix('Invalid JSON: ')}."
    place = ".".join(str(step)[:64] for step in first["loc"])
    return f"The request is no infer request: {place}: {first['msg'][:256]}."
