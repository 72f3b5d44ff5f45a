"""Pictures over V2: as tensors, as bytes alone, and what is none."""

import base64
from typing import Any

import pytest

from tests.conformance.tensors import HEADER, Tensor, binary_ask
from tests.integration import pictures
from tests.integration.rows import Reference
from tests.integration.server import Service
from tests.integration.v2_wire import BINARY, agree, error_of, infer, outputs_of, send
from tests.integration.wire import post

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.mark.parametrize("binary", [False, True])
def test_pictures(service: Service, reference: Reference, binary: bool) -> None:
    files = [pictures.png(seed=seed) for seed in range(3)] + [pictures.jpeg()]
    tensor = Tensor("image", "BYTES", (4,), files, base64=True)
    if binary:
        reply = send(service, binary_ask("/v2/models/digits/infer", [tensor], BINARY))
    else:
        reply = infer(service, "digits", {"inputs": [tensor.as_json()]})
    instances = [{"b64": base64.b64encode(file).decode()} for file in files]
    agree(outputs_of(reply), reference("digits", instances))


def test_a_picture_as_bytes_alone(service: Service, reference: Reference) -> None:
    file = pictures.png(seed=9)
    headers = {HEADER: "0", "Content-Type": "application/octet-stream"}
    outputs = outputs_of(post(service.address, "/v2/models/digits/infer", file, headers))
    agree(outputs, reference("digits", [{"b64": base64.b64encode(file).decode()}]))


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([b"no picture"], "picture"),
        ([b""], "picture"),
        ([pictures.png(), pictures.png()[:30]], "picture"),
    ],
)
@pytest.mark.parametrize("binary", [False, True])
def test_pictures_that_are_none(
    service: Service, files: list[bytes], words: str, binary: bool
) -> None:
    tensor = Tensor("image", "BYTES", (len(files),), files, base64=True)
    if binary:
        reply = send(service, binary_ask("/v2/models/digits/infer", [tensor]))
    else:
        reply = infer(service, "digits", {"inputs": [tensor.as_json()]})
    assert words in error_of(reply, 400)


@pytest.mark.parametrize(
    "change",
    [
        {"data": ["%%%"]},
        {"data": [None]},
        {"data": [], "shape": [0]},
        {"datatype": "UINT8", "data": [1]},
        {"shape": [1, 1, 1]},
    ],
)
def test_pictures_in_another_form(service: Service, change: dict[str, Any]) -> None:
    said = {"name": "image", "datatype": "BYTES", "shape": [1], "data": ["AAAA"]} | change
    error_of(infer(service, "digits", {"inputs": [said]}), 400)
