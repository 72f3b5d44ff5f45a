"""Halving: every row that fails is found, and nobody else suffers."""

import asyncio
from collections.abc import Callable

import pyarrow as pa
import pytest

from service.errors import ModelFailed, PoisonInput, ServiceError, Unavailable, Unfit
from service.inference.messages import Media
from service.inference.parts import Piece, decode_part, encode_piece
from service.scoring.parts import Part, Rows
from service.scoring.refusal import RowFailed, ScoringError
from service.scoring.sieve import OnError, Sieve
from tests.service.conftest import FLOATS

ANSWERS = pa.schema([pa.field("prediction", pa.int64())])
Judge = Callable[[list[float]], ServiceError | None]


class Model:
    """Answers twice the first column; refuses what a judge says.

    Args:
        judge: returns the error that some rows make together.
    """

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.calls = 0

    async def answer(self, body: bytes, rows: int) -> bytes:
        self.calls += 1
        _, data = decode_part(memoryview(body))
        values = pa.ipc.open_stream(pa.py_buffer(data)).read_all().column("x0").to_pylist()
        assert len(values) == rows
        error = self.judge(values)
        if error is not None:
            raise error
        batch = pa.record_batch({"prediction": [int(2 * value) for value in values]})
        stream = bytes(batch.schema.serialize()) + bytes(batch.serialize())
        return encode_piece(Piece(stream, [], 0))


def part(count: int, kept: bool = True) -> Part:
    sent = pa.table({f"x{i}": [float(one) for one in range(count)] for i in range(3)})
    beside = pa.table({"id": list(range(count))})
    if not kept:
        beside = beside.select([]).slice(0, count)
    return Part(4, 1000, Rows(beside, sent, Media.ARROW))


def scored(judge: Judge, count: int, on_error: OnError = "null", kept: bool = True) -> pa.Table:
    sieve = Sieve(Model(judge).answer, FLOATS, ANSWERS, on_error)
    return asyncio.run(sieve.score(part(count, kept)))


def fails_on(*bad: int, error: type[ServiceError] = ModelFailed) -> Judge:
    return lambda values: error("It failed.") if set(values) & set(bad) else None


@pytest.mark.parametrize("bad", [[], [0], [16], [3, 4, 9], list(range(17))])
@pytest.mark.parametrize("error", [ModelFailed, PoisonInput, Unfit])
def test_only_the_rows_that_fail_have_no_prediction(
    bad: list[int], error: type[ServiceError]
) -> None:
    found = scored(fails_on(*bad, error=error), 17).to_pydict()
    assert found["id"] == list(range(17))
    assert found["prediction"] == [None if i in bad else 2 * i for i in range(17)]
    assert found["error"] == ["It failed." if i in bad else None for i in range(17)]


def test_the_first_row_that_fails_stops_all() -> None:
    with pytest.raises(RowFailed, match=r"^Row 1003: It failed\. ") as raised:
        scored(fails_on(3, 9), 17, "stop")
    assert raised.value.failure.row == 1003


@pytest.mark.parametrize("place", ["x1", 1])
def test_column_and_reason_are_told(place: str | int) -> None:
    def judge(values: list[float]) -> ServiceError | None:
        if 5.0 not in values:
            return None
        row = values.index(5.0)
        return Unfit("No.", [{"loc": ["rows", row, place], "message": "too blue"}])

    with pytest.raises(RowFailed, match=r"^Row 1005, column x1: too blue"):
        scored(judge, 9, "stop")
    assert scored(judge, 9).column("error")[5].as_py() == "column x1: too blue"


def test_what_fails_only_together_is_answered_apart() -> None:
    found = scored(lambda values: ModelFailed("Too many.") if len(values) > 4 else None, 17, "stop")
    assert found.column("prediction").to_pylist() == [2 * i for i in range(17)]


def test_a_column_that_no_row_can_save() -> None:
    error = Unfit("Column x0: no number.", [{"loc": ["columns", "x0"], "message": "no number"}])
    model = Model(lambda values: error)
    sieve = Sieve(model.answer, FLOATS, ANSWERS, "null")
    with pytest.raises(ScoringError, match="Column x0"):
        asyncio.run(sieve.score(part(64)))
    assert model.calls == 1


def test_workers_that_are_gone_are_no_rows_fault() -> None:
    with pytest.raises(ScoringError, match="nobody"):
        scored(lambda values: Unavailable("nobody"), 5)


def test_nothing_kept() -> None:
    found = scored(fails_on(1), 3, kept=False)
    assert found.column_names == ["prediction", "error"]
    assert found.column("prediction").to_pylist() == [0, None, 4]
