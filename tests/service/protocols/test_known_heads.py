"""Heads that are known by their bytes: never by a part of them, nor with another length."""

import pytest

from service.catalogue import ServedVersion
from service.errors import NotFound
from service.protocols.head import Head
from service.protocols.known_heads import MOST_HEAD_BYTES, MOST_HEADS, KnownHeads
from service.protocols.v1 import PredictV1

BODY = b'{"instance":[1]}'


def nobody() -> ServedVersion:
    raise NotFound("There is no version.")


def head(*more: bytes, size: int = len(BODY)) -> tuple[bytes, Head]:
    lines = [b"POST /predict HTTP/1.1", b"Host: here", b"Content-Length: %d" % size, *more]
    raw = dict((line.lower().split(b": ", 1)) for line in lines[1:])
    meaning = Head((PredictV1(9), nobody), raw, b"", size)
    return b"\r\n".join([*lines, b"", b""]), meaning


def test_the_same_bytes_mean_the_same() -> None:
    heads, (text, meaning) = KnownHeads(), head()
    assert heads.find(text + BODY) is None
    heads.learn(text + BODY, meaning)
    other = BODY.replace(b"1", b"2")
    assert heads.find(text + other) == (meaning, other)
    heads.forget()
    assert heads.find(text + BODY) is None


@pytest.mark.parametrize("cut", range(1, len(head()[0]) + len(BODY)))
def test_a_part_of_a_request_is_none(cut: int) -> None:
    heads, (text, meaning) = KnownHeads(), head()
    whole = text + BODY
    heads.learn(whole, meaning)
    assert heads.find(whole[:cut]) is None
    assert heads.find(whole[cut:]) is None
    assert heads.find(whole + whole[:cut]) is None


@pytest.mark.parametrize("data", [b"", BODY, head()[0], head()[0] + BODY + b" "])
def test_what_is_no_whole_request_is_not_learned(data: bytes) -> None:
    heads, (text, meaning) = KnownHeads(), head()
    heads.learn(data, meaning)
    assert heads.find(text + BODY) is None


def test_a_head_of_its_own_is_not_kept() -> None:
    heads = KnownHeads()
    for more in (b"X-Request-Id: one", b"Traceparent: 00-1", b"X-Long: " + b"l" * MOST_HEAD_BYTES):
        text, meaning = head(more)
        heads.learn(text + BODY, meaning)
        assert heads.find(text + BODY) is None


def test_there_is_room_for_some() -> None:
    heads = KnownHeads()
    for i in range(3 * MOST_HEADS):
        text, meaning = head(b"X-Number: %d" % i)
        heads.learn(text + BODY, meaning)
        assert heads.find(text + BODY) is not None
    found = [heads.find(head(b"X-Number: %d" % i)[0] + BODY) for i in range(3 * MOST_HEADS)]
    assert sum(one is not None for one in found) <= MOST_HEADS
