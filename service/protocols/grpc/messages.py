"""V2's messages: protobuf to what the REST way has read, and its answers to protobuf."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from models.manifest import Manifest
from service.codecs.flags import Warnings
from service.errors import Unreadable
from service.protocols.grpc import inference_pb2 as pb
from service.protocols.v2.outputs import warning_parameters
from service.protocols.v2.requests import Asked, InferRequest, RequestedOutput
from service.protocols.v2.tensors import InputTensor, Tensor, read_tensor, to_bytes

CONTENTS = {
    "BOOL": "bool_contents", "INT8": "int_contents", "INT16": "int_contents",
    "INT32": "int_contents", "INT64": "int64_contents", "UINT8": "uint_contents",
    "UINT16": "uint_contents", "UINT32": "uint_contents", "UINT64": "uint64_contents",
    "FP32": "fp32_contents", "FP64": "fp64_contents", "BYTES": "bytes_contents",
}  # fmt: skip
"""The field that has each datatype's values; FP16 has none, and comes as raw bytes."""


def asked_of(request: pb.ModelInferRequest) -> Asked:
    """Return what a request asks.

    Raises:
        Unreadable: datatype, shape and contents of an input do not fit together.
    """
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise Unreadable("raw_input_contents has one entry an input, or none at all.")
    try:
        head = InferRequest(
            id=request.id or None,
            parameters=_parameters(request.parameters),
            inputs=[
                InputTensor(
                    name=one.name,
                    shape=list(one.shape),
                    datatype=one.datatype,
                    parameters=_parameters(one.parameters),
                )
                for one in request.inputs
            ],
            outputs=[
                RequestedOutput(name=one.name, parameters=_parameters(one.parameters))
                for one in request.outputs
            ]
            or None,
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(step)[:64] for step in first["loc"])
        raise Unreadable(f"The request is no infer request: {place}: {first['msg']}.") from None
    tensors = [
        read_tensor(said, raw[i]) if raw else _with_contents(said, request.inputs[i].contents)
        for i, said in enumerate(head.inputs)
    ]
    if len({tensor.name for tensor in tensors}) < len(tensors):
        raise Unreadable("Two inputs have the same name.")
    return Asked(head, tensors, raw=bool(raw))


def response_of(
    manifest: Manifest, id_: str | None, tensors: Sequence[Tensor], *, raw: bool
) -> pb.ModelInferResponse:
    """Return an answer; as raw bytes if the request had some, as Triton does."""
    response = pb.ModelInferResponse(
        model_name=manifest.name, model_version=str(manifest.version), id=id_ or ""
    )
    for tensor in tensors:
        output = response.outputs.add(
            name=tensor.name, datatype=tensor.datatype, shape=list(tensor.shape)
        )
        if raw:
            response.raw_output_contents.append(to_bytes(tensor))
            continue
        values: Sequence[Any] = tensor.values
        if tensor.datatype == "BYTES":
            values = [one if isinstance(one, bytes) else str(one).encode() for one in values]
        getattr(output.contents, CONTENTS[tensor.datatype]).extend(values)
    return response


def tell(response: pb.ModelInferResponse, warnings: Warnings) -> None:
    """Put what is to be told of the rows among an answer's parameters."""
    for name, value in warning_parameters(warnings).items():
        if isinstance(value, str):
            response.parameters[name].string_param = value
        else:
            response.parameters[name].int64_param = value


def _with_contents(said: InputTensor, contents: pb.InferTensorContents) -> Tensor:
    field = CONTENTS.get(said.datatype)
    values = list(getattr(contents, field)) if field is not None else []
    if said.datatype != "BYTES":
        return read_tensor(said.model_copy(update={"data": values}), None)
    count = 1
    for size in said.shape:
        count *= size
    if len(values) != count:
        raise Unreadable(f"Input {said.name!r} has {len(values)} values; its shape needs {count}.")
    return Tensor(said.name, said.datatype, tuple(said.shape), values)


def _parameters(given: Mapping[str, pb.InferParameter]) -> dict[str, Any]:
    found = {}
    for key, value in given.items():
        choice = value.WhichOneof("parameter_choice")
        if choice is not None:
            found[key] = getattr(value, choice)
    return found
