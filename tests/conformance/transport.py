"""Requests and answers: one connection a request, nothing repeated, nothing followed."""

import http.client
import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import SplitResult

TIMEOUT_S = 30.0


class Ask(NamedTuple):
    """A request; its path begins with /v2."""

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = {}


class Reply(NamedTuple):
    """A whole answer; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the parsed body; raises ValueError if it is no JSON."""
        return json.loads(self.body, parse_constant=_refuse)


def send(url: SplitResult, ask: Ask) -> Reply:
    """Send a request and return its answer.

    Raises:
        OSError: there was none.
        http.client.HTTPException: it was no HTTP.
    """
    secure = url.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(url.hostname or "localhost", url.port, timeout=TIMEOUT_S)
    try:
        path = url.path.rstrip("/") + ask.path
        connection.request(ask.method, path, ask.body, dict(ask.headers))
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, headers, response.read())
    finally:
        connection.close()


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
