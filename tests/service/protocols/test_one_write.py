"""Head and body of an answer leave in one write, and nothing is ever kept for good."""

import asyncio
from collections.abc import Iterable

from service.protocols.connection import decline_upgrade
from service.protocols.one_write import CONTINUE, COPIED_BYTES, OneWrite


class Recorder(asyncio.Transport):
    """Remembers each call that would have reached the socket."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.writes.append(b"|".join(list_of_data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def test_head_and_first_part_are_one() -> None:
    recorder = Recorder()
    joined = OneWrite(recorder)
    for _ in range(2):
        for part in (b"head", b"body", b"more"):
            joined.write(part)
        joined.finish()
    assert recorder.writes == [b"headbody", b"more"] * 2


def test_large_parts_are_not_copied() -> None:
    recorder = Recorder()
    joined = OneWrite(recorder)
    joined.write(b"head")
    joined.write(b"x" * (COPIED_BYTES + 1))
    assert recorder.writes[0].startswith(b"head|x")


def test_an_answer_without_a_body_leaves_at_its_end() -> None:
    recorder = Recorder()
    joined = OneWrite(recorder)
    joined.write(b"head")
    assert recorder.writes == []
    joined.finish()
    assert recorder.writes == [b"head"]


def test_closing_sends_what_is_kept() -> None:
    recorder = Recorder()
    joined = OneWrite(recorder)
    joined.write(b"head")
    joined.close()
    assert (recorder.writes, recorder.closed, joined.is_closing()) == ([b"head"], True, True)


def test_continue_does_not_wait() -> None:
    recorder = Recorder()
    joined = OneWrite(recorder)
    for part in (CONTINUE, b"head", b"body"):
        joined.write(part)
    assert recorder.writes == [CONTINUE, b"headbody"]


def test_nothing_is_written_to_who_has_gone() -> None:
    recorder = Recorder()
    joined = OneWrite(recorder)
    joined.write(b"head")
    recorder.closed = True
    joined.write(b"body")
    joined.finish()
    assert recorder.writes == []


def test_an_offer_is_declined_in_heads_only() -> None:
    offer = b"POST / HTTP/1.1\r\nUpgrade: h2c\r\nHost: x\r\n\r\n"
    body = b"a\r\nUpgrade: b"
    changed = decline_upgrade(offer + body)
    assert changed == offer.replace(b"Upgrade", b"x-grade") + body
    assert decline_upgrade(b"UPGRADE") == b"UPGRADE"
    assert decline_upgrade(b"\r\nupgrade: h2c\r\n") == b"\r\nx-grade: h2c\r\n"
