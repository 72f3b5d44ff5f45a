import asyncio
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from service.batching.cost import RowBytes
from service.batching.entry import Ask
from service.errors import Overloaded, Unauthenticated
from service.log import Sampler
from service.metrics import Metrics
from service.protocols.http import Client, Headers, Message, Reply, Scope, error_reply
from service.protocols.keys import ApiKeys, KeyGate
from service.protocols.predictions import Predictions
from service.protocols.terms import Terms
from service.protocols.v1 import PredictV1
from service.settings import Settings

KEY, OTHER = "correct-horse", "battery-staple"


def line(name: str, key: str) -> str:
    return f"{name}:{sha256(key.encode()).hexdigest()}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text(f"# who may ask\n\n{line('team-a', KEY)}  # until May\n  {line('b', OTHER)}\n")
    return path


@pytest.fixture
def keys(file: Path) -> ApiKeys:
    found = ApiKeys(file)
    found.load()
    return found


def bearer(key: str) -> Headers:
    return {b"authorization": b"Bearer " + key.encode()}


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        (bearer(KEY), "team-a"),
        (bearer(OTHER), "b"),
        ({b"authorization": b"bearer  " + KEY.encode()}, "team-a"),
        ({b"x-api-key": KEY.encode()}, "team-a"),
        ({b"x-api-key": OTHER.encode(), **bearer("a proxy's own")}, "b"),
        ({b"x-api-key": b"", **bearer(KEY)}, "team-a"),
    ],
)
def test_keys_have_names(keys: ApiKeys, headers: Headers, name: str) -> None:
    assert keys.name("192.0.2.1", headers) == name


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer(""),
        bearer(KEY[:-1]),
        bearer(KEY + "x"),
        bearer("team-a"),
        bearer(sha256(KEY.encode()).hexdigest()),
        {b"authorization": KEY.encode()},
        {b"authorization": b"Basic " + KEY.encode()},
        {b"authorization": b"Bearer"},
        {b"x-api-key": b"Bearer " + KEY.encode()},
        {b"x-api-key": b"\xff\x00"},
        {b"x-api-key": b"wrong", **bearer(KEY)},
    ],
)
def test_what_is_no_key(keys: ApiKeys, headers: Headers) -> None:
    with pytest.raises(Unauthenticated):
        keys.name("127.0.0.1", headers)


def test_digests_may_have_capitals(file: Path) -> None:
    name, digest = line("a", KEY).split(":")
    file.write_text(f"{name}:{digest.upper()}")
    keys = ApiKeys(file)
    keys.load()
    assert keys.name("", bearer(KEY)) == "a"


@pytest.mark.parametrize(
    "text",
    [KEY, "a:b", "a:" + "0" * 63, "a:" + "0" * 65, "a:" + "g" * 64, ":" + "0" * 64,
     "a b:" + "0" * 64, "a:" + "0" * 64 + " b:" + "0" * 64],
)  # fmt: skip
def test_lines_that_are_none(file: Path, text: str) -> None:
    file.write_text(f"# comment\n{text}\n")
    with pytest.raises(ValueError, match="line 2") as caught:
        ApiKeys(file).load()
    assert text not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="keys"):
        ApiKeys(tmp_path / "keys").load()


def test_a_file_that_got_bad_leaves_the_keys_as_they_were(keys: ApiKeys, file: Path) -> None:
    file.write_text("nonsense")
    keys.reload()
    assert keys.name("", bearer(KEY)) == "team-a"
    file.unlink()
    keys.reload()
    assert keys.name("", bearer(KEY)) == "team-a"


def test_a_file_without_keys_lets_nobody_in(keys: ApiKeys, file: Path) -> None:
    file.write_text("# nobody\n")
    keys.reload()
    with pytest.raises(Unauthenticated):
        keys.name("", bearer(KEY))


def through_gate(keys: ApiKeys, path: str, headers: Headers) -> list[Message]:
    sent: list[Message] = []

    async def app(scope: Scope, receive: object, send: Callable[..., object]) -> None:
        sent.append({"type": "reached", "path": scope["path"]})

    async def receive() -> Message:
        raise AssertionError("the body of a refused request is not read")

    async def send(message: Message) -> None:
        sent.append(message)

    def refuse(path: str, error: object, id_: bytes) -> Reply:
        assert isinstance(error, Unauthenticated)
        return error_reply(error, id_)

    gate = KeyGate(app, keys, "/open".__eq__, refuse)
    scope = {"type": "http", "path": path, "headers": list(headers.items())}
    asyncio.run(gate(scope, receive, send))
    return sent


def test_the_gate(keys: ApiKeys) -> None:
    reached = [{"type": "reached", "path": "/open"}]
    assert through_gate(keys, "/open", {}) == reached
    assert through_gate(keys, "/shut", bearer(KEY)) == [{"type": "reached", "path": "/shut"}]
    start, body = through_gate(keys, "/shut", bearer("no"))
    assert start["status"] == 401
    assert (b"www-authenticate", b"Bearer") in start["headers"]
    assert b'"unauthenticated"' in body["body"]


def test_a_share_is_that_of_the_key_and_not_of_the_address(keys: ApiKeys) -> None:
    shares = []

    def admit(ask: Ask) -> None:
        shares.append(ask.client)
        raise Overloaded("seen enough")

    async def ask(headers: Headers, asked: ApiKeys | None) -> Reply:
        predictions = Predictions(Terms(Settings(), Sampler(0.0), asked), Settings())
        metrics = Metrics().model("toy", 1)
        served: Any = SimpleNamespace(row_bytes=RowBytes(), admit=admit, metrics=metrics)
        client = Client()
        client.address = "192.0.2.1"
        wire: Any = PredictV1(0)
        return await predictions.handle(wire, lambda: served, headers, b"", client)

    statuses = [
        asyncio.run(ask(headers, asked)).status
        for headers, asked in (
            (bearer(KEY), keys),
            (bearer(OTHER), keys),
            (bearer("no"), keys),
            ({}, keys),
            (bearer(KEY), None),
        )
    ]
    assert statuses == [503, 503, 401, 401, 503]
    assert shares == ["team-a", "b", "192.0.2.1"]
