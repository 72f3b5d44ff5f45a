"""V2's infer request: JSON, with or without binary data behind it, or bytes alone."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.manifest import Manifest
from service.codecs.json_rows import refuse_duplicate_keys
from service.errors import Unfit, Unreadable
from service.protocols.http import Headers
from service.protocols.v2.about import inputs_of
from service.protocols.v2.tensors import NAME_CHARS, InputTensor, Tensor, read_tensor

HEADER_LENGTH = b"inference-header-content-length"
LARGEST_NUMBER = 1 << 53
MAX_MESSAGE_CHARS = 256


class RequestedOutput(BaseModel):
    """An output that a request asks for."""

    model_config = ConfigDict(strict=True)

    name: str
    parameters: dict[str, Any] | None = None


class InferRequest(BaseModel):
    """The JSON of an infer request; keys that nobody knows are left alone, as the protocol asks."""

    model_config = ConfigDict(strict=True)

    id: str | None = Field(default=None, max_length=1024)
    parameters: dict[str, Any] | None = None
    inputs: list[InputTensor] = Field(min_length=1, max_length=10_000)
    outputs: list[RequestedOutput] | None = Field(default=None, max_length=16)

    def keys(self) -> int:
        """Return how many keys its JSON has, if none stands twice and all are known."""
        parts: list[InferRequest | InputTensor | RequestedOutput]
        parts = [self, *self.inputs, *(self.outputs or ())]
        count = 0
        for part in parts:
            count += len(part.model_fields_set)
            if part.parameters:
                count += len(part.parameters)
        return count


class Asked(NamedTuple):
    """An infer request that was read."""

    head: InferRequest
    tensors: list[Tensor]
    raw: bool
    """It was bytes alone; so is its answer, behind its JSON."""


def read_request(manifest: Manifest, headers: Headers, body: bytes) -> Asked:
    """Return a request and the values of its tensors.

    Raises:
        Unreadable: the JSON, or the binary data behind it, is not what it should be.
        Unfit: bytes alone, and the model has several inputs.
    """
    length = _json_length(headers, len(body))
    if length == 0:
        return _raw_request(manifest, body)
    text, at = (body, len(body)) if length is None else (body[:length], length)
    head = _read_json(text)
    tensors = []
    for said in head.inputs:
        size = (said.parameters or {}).get("binary_data_size")
        if size is None:
            tensors.append(read_tensor(said, None))
            continue
        if type(size) is not int or not 0 <= size <= len(body) - at:
            name = said.name[:NAME_CHARS]
            raise Unreadable(f"Input {name!r}: binary_data_size does not fit the body.")
        tensors.append(read_tensor(said, body[at : at + size]))
        at += size
    if at != len(body):
        raise Unreadable(f"{len(body) - at} bytes of the body belong to no input.")
    if len({tensor.name for tensor in tensors}) < len(tensors):
        raise Unreadable("Two inputs have the same name.")
    return Asked(head, tensors, raw=False)


def whole_number(parameters: Mapping[str, Any] | None, key: str) -> int:
    """Return a parameter that counts something; 0 if it is not there.

    Raises:
        Unreadable: it is something else, or negative.
    """
    if not parameters:
        return 0
    value = parameters.get(key, 0)
    if type(value) is not int or value < 0:
        raise Unreadable(f"The parameter {key} is a whole number, and not negative.")
    return min(value, LARGEST_NUMBER)


def switch(parameters: Mapping[str, Any] | None, key: str, default: bool) -> bool:
    """Return a parameter that is true or false.

    Raises:
        Unreadable: it is something else.
    """
    if not parameters:
        return default
    value = parameters.get(key, default)
    if not isinstance(value, bool):
        raise Unreadable(f"The parameter {key} is true or false.")
    return value


def _read_json(text: bytes) -> InferRequest:
    try:
        head = InferRequest.model_validate_json(text)
    except ValidationError as error:
        raise Unreadable(_sentence(error)) from None
    if text.count(b":") > head.keys():  # a key twice, one that is unknown, a text with a colon
        refuse_duplicate_keys(text)
    return head


def _raw_request(manifest: Manifest, body: bytes) -> Asked:
    """Return the request that is one input's bytes and nothing else: one row."""
    inputs = inputs_of(manifest)
    if len(inputs) > 1:
        raise Unfit("The model has several inputs: send their names and shapes as JSON.")
    (only,) = inputs
    shape = [1, *only["shape"][1:]]
    said = InputTensor(name=only["name"], shape=shape, datatype=only["datatype"])
    head = InferRequest(inputs=[said])
    if said.datatype == "BYTES":  # its element has no length before it, as there is but one
        return Asked(head, [Tensor(said.name, said.datatype, tuple(shape), [body])], raw=True)
    return Asked(head, [read_tensor(said, body)], raw=True)


def _json_length(headers: Headers, body_bytes: int) -> int | None:
    text = headers.get(HEADER_LENGTH)
    if text is None:
        return None
    if not text.isdigit() or len(text) > 12:
        raise Unreadable("Inference-Header-Content-Length is a whole number of bytes.")
    if int(text) > body_bytes:
        raise Unreadable("Inference-Header-Content-Length is more than the whole body.")
    return int(text)


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return f"The body is not valid JSON: {first['msg'].removeprefix('Invalid JSON: ')}."
    place = ".".join(str(step)[:NAME_CHARS] for step in first["loc"])
    return f"The request is no infer request: {place}: {first['msg'][:MAX_MESSAGE_CHARS]}."
