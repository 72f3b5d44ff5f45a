"""What is kept of each end, and what it is made of when the load is over."""

import asyncio

import pytest

from loadtest.flight import Flight
from loadtest.http1 import Headers, Loss, LossCause, Reply
from loadtest.payload import Request
from loadtest.plan import Share
from loadtest.progress import Progress
from loadtest.record import Outcome, Record
from loadtest.recording import Recorder
from tests.loadtest.stubs import EXPECTED, RIGHT

BEGAN_S = 100.0
TIMING = b"parse;dur=0.125, queue;dur=1.5, predict;dur=2, transfer;dur=0.25, encode;dur=0.5"


def recorder(progress: Progress | None = None) -> Recorder:
    return Recorder([Request(wire=b"", expected=EXPECTED, rows=3)], Share(4, 5, progress))


def flight() -> Flight:
    return Flight(0, BEGAN_S + 1.0, BEGAN_S + 1.25, None, sent_s=BEGAN_S + 1.5)


def reply(headers: Headers, status: int = 200) -> Reply:
    return Reply(status, b"OK", headers, RIGHT, keep_alive=True, done_s=BEGAN_S + 2.0)


def records(kept: Recorder) -> list[Record]:
    return list(asyncio.run(kept.records(BEGAN_S)))


def test_a_record_has_all_that_is_known() -> None:
    progress = Progress()
    kept = recorder(progress)
    kept.take()
    headers = [(b"X-Percore-Replica", b"replica-2"), (b"Server-Timing", TIMING)]
    assert kept.end(flight(), reply(headers)) is Outcome.RIGHT
    (record,) = records(kept)
    assert record == Record(
        request=0,
        intended_s=1.0,
        taken_s=1.25,
        sent_s=1.5,
        done_s=2.0,
        outcome=Outcome.RIGHT,
        status=200,
        cause="",
        replica="replica-2",
        rows=3,
        process=4,
        parse_s=0.000125,
        queue_s=0.0015,
        predict_s=0.002,
        transfer_s=0.00025,
        encode_s=0.0005,
    )
    snapshot = progress.snapshot(3.0)
    assert (kept.taken, snapshot.sent, snapshot.ends["right"]) == (1, 1, 1)
    assert snapshot.lag_max_s == 0.25


def test_what_was_never_written_was_given_up_when_it_ended() -> None:
    kept = recorder()
    unsent = flight()
    unsent.sent_s = None
    assert kept.end(unsent, Loss(LossCause.TIMEOUT, BEGAN_S + 9.0)) is Outcome.LOST
    (record,) = records(kept)
    assert (record.sent_s, record.done_s, record.cause, record.status) == (9.0, 9.0, "timeout", 0)


@pytest.mark.parametrize("spaces", [1024 - len(TIMING), 1025 - len(TIMING)])
def test_a_server_timing_of_any_length_takes_little_room(spaces: int) -> None:
    kept = recorder()
    kept.end(flight(), reply([(b"server-timing", TIMING + b" " * spaces)]))
    (record,) = records(kept)
    known = spaces + len(TIMING) <= 1024
    assert (record.queue_s is not None) == known


def test_other_loads_have_their_turn_while_records_are_made() -> None:
    async def scenario() -> int:
        kept = recorder()
        for _ in range(1000):
            kept.end(flight(), reply([]))
        turns = 0
        making = asyncio.create_task(kept.records(BEGAN_S))
        while not making.done():
            turns += 1
            await asyncio.sleep(0)
        assert len(making.result()) == 1000
        return turns

    assert asyncio.run(scenario()) >= 10
