"""The requests of the table: makers of valid ones, and changes that spoil them."""

import json
from collections.abc import Callable
from typing import Any

from tests.conformance.subject import Inapplicable, Request, Subject, binary_infer, infer
from tests.conformance.tensors import HEADER, joined_ask
from tests.conformance.transport import Ask

Make = Callable[[Subject], Ask]
Change = Callable[[Request], Request]


def get(path: str) -> Make:
    """Return a maker of GETs; "{model}" and "{version}" stand for their paths."""
    return lambda subject: Ask("GET", _filled(path, subject))


def post(path: str, body: bytes | None = None) -> Make:
    """Return a maker of POSTs; "{model}" and "{version}" stand for their paths."""
    return lambda subject: Ask("POST", _filled(path, subject), body)


def raw_infer(body: bytes) -> Make:
    """Return a maker of infer requests with a body of any kind."""
    return post("{model}/infer", body)


def _filled(path: str, subject: Subject) -> str:
    if "{version}" in path:
        return path.replace("{version}", subject.version_path())
    return path.replace("{model}", subject.path)


def same(request: Request) -> Request:
    return request


def without(key: str) -> Change:
    """Return a change that leaves a key out."""
    return lambda request: {name: value for name, value in request.items() if name != key}


def first_input(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    """Return a change of the first input."""

    def changed(request: Request) -> Request:
        first, *rest = request["inputs"]
        return request | {"inputs": [change(first), *rest]}

    return changed


def strange_data(one: dict[str, Any]) -> dict[str, Any]:
    """Give an input data of another type than its own."""
    strange: Any = 1 if one["datatype"] == "BYTES" else "a text"
    return one | {"data": [strange] * len(one["data"])}


def ragged(one: dict[str, Any]) -> dict[str, Any]:
    """Cut data at a wrong place: as many values as the shape needs, but in unequal rows."""
    data = one["data"]
    return one | {"data": [data[:-1], data[-1:], []]}


def fewer_inputs(request: Request) -> Request:
    if len(request["inputs"]) < 2:
        raise Inapplicable("the model has one input")
    return request | {"inputs": request["inputs"][1:]}


def more_inputs(request: Request) -> Request:
    stranger = request["inputs"][0] | {"name": "no_such_input"}
    return request | {"inputs": [*request["inputs"], stranger]}


def twice(request: Request) -> Request:
    return request | {"inputs": [*request["inputs"], request["inputs"][0]]}


def asks_for(*names: str, **parameters: Any) -> Change:
    """Return a change that asks for outputs by name."""
    wanted = [{"name": name, "parameters": parameters} for name in names]
    return lambda request: request | {"outputs": wanted}


def one_output(place: int, **parameters: Any) -> Make:
    """Return a maker of requests for one output, by its place in the metadata."""
    return lambda subject: infer(asks_for(output_names(subject)[place], **parameters))(subject)


def output_names(subject: Subject) -> list[str]:
    return [one["name"] for one in subject.metadata["outputs"]]


def nested(subject: Subject) -> Ask:
    request = {"inputs": [tensor.as_nested_json() for tensor in subject.inputs()]}
    return Ask("POST", f"{subject.path}/infer", json.dumps(request).encode())


def mixed(subject: Subject) -> Ask:
    """Ask for binary outputs, but for the first."""
    first, *rest = output_names(subject)
    outputs = [{"name": first, "parameters": {"binary_data": False}}, *({"name": n} for n in rest)]
    request = {"parameters": {"binary_data_output": True}, "outputs": outputs}
    return infer(lambda valid: valid | request)(subject)


def bytes_alone(subject: Subject) -> Ask:
    """Send one input's bytes and nothing else."""
    inputs = subject.inputs(rows=1)
    if len(inputs) > 1:
        raise Inapplicable("the model has several inputs")
    (only,) = inputs
    raw = only.values[0] if only.datatype == "BYTES" else only.to_bytes()
    return Ask("POST", f"{subject.path}/infer", raw, {HEADER: "0"})


def bytes_of_several(subject: Subject) -> Ask:
    if len(subject.inputs()) < 2:
        raise Inapplicable("the model has one input")
    headers = {HEADER: "0"}
    return Ask("POST", f"{subject.path}/infer", b"12345678", headers)


def resized(by: int) -> Make:
    """Return a maker of binary requests whose last input says a wrong size."""

    def make(subject: Subject) -> Ask:
        pairs = [tensor.as_binary() for tensor in subject.inputs()]
        pairs[-1][0]["parameters"]["binary_data_size"] += by
        head = {"inputs": [said for said, _ in pairs]}
        return joined_ask(f"{subject.path}/infer", head, b"".join(raw for _, raw in pairs))

    return make


def left_over(subject: Subject) -> Ask:
    ask = binary_infer()(subject)
    return ask._replace(body=(ask.body or b"") + b"more")


def shorter_data(subject: Subject) -> Ask:
    """Cut the last byte of the last input's data, and say so."""
    ask = resized(-1)(subject)
    return ask._replace(body=(ask.body or b"")[:-1])
