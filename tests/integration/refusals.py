"""What every refusal must look like, whoever provoked it and however."""

import re
from typing import Any

from tests.integration.wire import Reply

KEYS = ["error", "code", "details", "request_id"]
LEAK = re.compile(
    r"0x[0-9a-f]|Traceback|\.py\b|/tmp|/usr|/home|/proc|site-packages|pydantic|sklearn|numpy|pandas"
    r"|\bPIL\b|orjson|uvicorn|starlette|fastapi|httptools|asyncio|service\.|models\.|[a-z]Error\b"
    r"|Exception"
)
LONGEST_BYTES = 8192


def refused(reply: Reply, status: int, code: str | None = None) -> dict[str, Any]:
    """Return the body of a refusal, which must be the error form and tell nothing of the inside."""
    assert reply.status == status, reply.body[:500]
    assert reply.headers["content-type"] == "application/json"
    assert len(reply.body) <= LONGEST_BYTES
    assert not LEAK.search(reply.body.decode()), reply.body
    body: dict[str, Any] = reply.json()
    assert list(body) == KEYS
    assert body["request_id"] == reply.headers["x-request-id"]
    assert isinstance(body["error"], str)
    assert body["error"].endswith(".")
    assert re.fullmatch(r"[a-z_]+", body["code"])
    assert code is None or body["code"] == code, body
    _check_details(body["details"])
    return body


def _check_details(details: list[dict[str, Any]]) -> None:
    assert len(details) <= 20
    for detail in details:
        assert list(detail) == ["loc", "message"]
        assert isinstance(detail["message"], str)
        assert all(type(step) in {str, int} for step in detail["loc"])
