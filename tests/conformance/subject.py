"""The server and the model under test, as they describe themselves; valid inputs made from that."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlsplit

from tests.conformance.tensors import Tensor, binary_ask, read_answer
from tests.conformance.transport import Ask, Reply, send

ROWS = 2
Request = dict[str, Any]


class Inapplicable(Exception):
    """The case says nothing of this server or model; the text says why."""


class Subject:
    """One model of one server.

    Args:
        url: of the server, such as http://localhost:8000.
        model: the model's name.
        example: the JSON of a valid infer request, if metadata does not tell enough to make one.
        headers: sent with every request, such as a key.
    """

    def __init__(
        self,
        url: str,
        model: str,
        example: Request | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._url = urlsplit(url)
        self.model = model
        self.path = f"/v2/models/{quote(model, safe='')}"
        self._example = example
        self._headers = dict(headers or {})

    def send(self, ask: Ask) -> Reply:
        """Send a request and return its answer; raises OSError if there is none."""
        return send(self._url, ask._replace(headers=self._headers | dict(ask.headers)))

    def get(self, path: str) -> Any:
        """Return the JSON of something that must be there."""
        reply = self.send(Ask("GET", path))
        if reply.status != 200:
            raise Inapplicable(f"GET {path} answers {reply.status}")
        return reply.json()

    @cached_property
    def metadata(self) -> Any:
        """Return the model's metadata."""
        return self.get(self.path)

    @cached_property
    def extensions(self) -> Sequence[str]:
        """Return what the server says it offers beyond the protocol."""
        found: Sequence[str] = self.get("/v2").get("extensions", [])
        return found

    def version_path(self) -> str:
        """Return the path of one version; raises Inapplicable if there are no versions."""
        versions = self.metadata.get("versions")
        if not versions:
            raise Inapplicable("metadata names no versions")
        return f"{self.path}/versions/{versions[-1]}"

    def inputs(self, rows: int = ROWS) -> list[Tensor]:
        """Return valid inputs of so many equal rows."""
        if self._example is not None:
            return [_from_example(said) for said in self._example["inputs"]]
        return [_from_metadata(said, rows) for said in self.metadata["inputs"]]

    def request(self, rows: int = ROWS) -> Request:
        """Return a valid request, with flat data."""
        return {"inputs": [tensor.as_json() for tensor in self.inputs(rows)]}

    @cached_property
    def baseline(self) -> Mapping[str, Tensor]:
        """Return what the model answers to its valid request, whose form is the plainest."""
        ask = Ask("POST", f"{self.path}/infer", json.dumps(self.request()).encode())
        reply = self.send(ask)
        if reply.status != 200:
            text = reply.body[:200].decode(errors="replace")
            raise Inapplicable(f"the plain request is refused: {text}; give another by --example")
        return read_answer(reply)[1]


def infer(change: Callable[[Request], Request], rows: int = ROWS) -> Callable[[Subject], Ask]:
    """Return a maker of infer requests: the valid one, changed."""

    def make(subject: Subject) -> Ask:
        body = json.dumps(change(subject.request(rows))).encode()
        return Ask("POST", f"{subject.path}/infer", body, {"Content-Type": "application/json"})

    return make


def binary_infer(
    more: Mapping[str, Any] | None = None, length: str | None = None
) -> Callable[[Subject], Ask]:
    """Return a maker of infer requests whose data is binary."""
    return lambda subject: binary_ask(f"{subject.path}/infer", subject.inputs(), more, length)


def _from_example(said: Mapping[str, Any]) -> Tensor:
    values = [value.encode() if isinstance(value, str) else value for value in said["data"]]
    return Tensor(said["name"], said["datatype"], tuple(said["shape"]), values)


def _from_metadata(said: Mapping[str, Any], rows: int) -> Tensor:
    shape = [1 if size < 0 else size for size in said["shape"]]
    shape[0] = rows
    count = 1
    for size in shape:
        count *= size
    about = said.get("parameters") or {}
    coded = about.get("content_type") == "base64"
    value = _a_value(said["datatype"], about)
    if isinstance(value, str):
        value = base64.b64decode(value) if coded else value.encode()
    return Tensor(said["name"], said["datatype"], tuple(shape), [value] * count, coded)


def _a_value(datatype: str, about: Mapping[str, Any]) -> Any:
    if about.get("example") is not None:
        return about["example"]
    if about.get("categories"):
        return about["categories"][0]
    if about.get("min") is not None:
        return about["min"] if datatype.startswith("FP") else int(about["min"])
    return {"BOOL": False, "BYTES": "a"}.get(datatype, 1)
