"""A request in parts is answered as the whole is, byte by byte, and refused in the same words."""

import asyncio
import csv
import io
import json
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from time import monotonic
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import service.batching.outlook as outlook_module
from models.manifest import GoldenRows
from models.schema import Column, OutputSchema, Policy, TabularSchema
from service.batching.answer import Answer
from service.batching.batcher import Batcher
from service.batching.entry import Ask, Entry, Payload
from service.batching.fair import NORMAL
from service.batching.lane import Lane
from service.batching.open_streams import OpenStreams
from service.batching.outlook import Outlook
from service.batching.quarantine import Quarantine
from service.codecs.answers import AnswerEncoder
from service.codecs.cells import CellPacker
from service.codecs.table_rows import TableRows
from service.errors import DeadlineExceeded, PoisonInput, ServiceError
from service.inference.messages import (
    PREAMBLE,
    Media,
    decode_predict,
    decode_result,
    encode_result,
)
from service.inference.model import Model
from service.inference.parts import Form, PartHead, encode_part
from service.protocols.http import Client, ClientGone
from service.protocols.spread import Spread
from tests.service.conftest import CLASSES, FLOATS, make

MAX_ROWS = 1000
WORKERS = 2
PARTS = 5
WORDS = TabularSchema(
    container="frame",
    columns=(
        Column(
            name="n",
            dtype="float64",
            frame_dtype="float64",
            min=0,
            max=500,
            policy=Policy(out_of_range="flag"),
        ),
        Column(name="word", dtype="string", frame_dtype="object", nullable=True, missing="none"),
    ),
)
LABELS = OutputSchema(kind="classes", dtype="string", classes=("a", 'b"],['), probabilities=True)


class Teller:
    """Answers from the first column alone, so that a row's answer depends on no other row."""

    def __init__(self, classes: int, labels: Any) -> None:
        self.classes = classes
        self.labels = np.array(labels)

    def predict_proba(self, X: Any) -> Any:
        first = np.asarray(X if isinstance(X, np.ndarray) else X.iloc[:, :1], float)[:, 0]
        if (first == 666).any():
            raise ValueError("the number of the beast")
        odds = np.abs(np.sin(np.outer(first, np.arange(1, self.classes + 1)))) + 0.01
        return odds / odds.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> Any:
        return self.labels[self.predict_proba(X).argmax(axis=1)]


class Bench:
    """A batcher whose workers are models in this process.

    Args:
        schema: the model's columns.
        output: what it answers.
    """

    def __init__(self, schema: TabularSchema = FLOATS, output: OutputSchema = CLASSES) -> None:
        golden = GoldenRows(
            instances=([1.0, "x"] if schema is WORDS else [1.0] * 3,), predictions=(0,)
        )
        manifest = make(schema, output, golden)
        teller = Teller(len(output.classes or ()), output.classes)
        self.model = Model(teller, manifest, MAX_ROWS, 1)
        self.batcher = Batcher(self, 10_000, 1000, 10.0, 20.0, Quarantine(10, 60.0))
        self.lane = Lane("toy/1", 0, output, lambda *_: None, lambda *_: None)
        self.batcher.add_lane(self.lane)
        self.home = OpenStreams()
        self.sent: list[tuple[int, int]] = []
        """Rows that each batch says it has, and how many requests are in it."""
        self.deadly = b"\x00nothing"
        self.held: list[Callable[[], None]] | None = None
        self.served: Any = SimpleNamespace(
            rows=TableRows(schema, MAX_ROWS),
            encoder=AnswerEncoder(manifest),
            streams=self.home,
            divisible=True,
            submit=partial(self.batcher.submit, self.lane),
            outlook=self._outlook,
            refuse_guilty=partial(self.batcher.refuse_guilty, self.lane),
            condemn=partial(self.batcher.condemn, self.lane),
        )
        self.expected_s = 1.0
        self.workers = 0
        for _ in range(WORKERS):
            self.hire()

    def hire(self) -> None:
        self.workers += 1
        self.batcher.on_idle(self.workers)

    def _outlook(self, entry: Entry) -> Outlook:
        return self.batcher.outlook(self.lane, entry)._replace(
            expected_s=self.expected_s, call_s=0.0
        )

    def send(self, worker: int, parts: list[bytes], hang_limit_s: float) -> None:
        """Stand where the pool stands."""
        del hang_limit_s
        batch = decode_predict(memoryview(b"".join(parts))[PREAMBLE.size :])
        self.sent.append((batch.rows, len(batch.entries)))

        def work() -> None:
            if any(self.deadly in bytes(one.body) for one in batch.entries):
                self.batcher.on_lost(worker)
                self.batcher.on_cause(worker, False)
                self.hire()
                return
            body = b"".join(encode_result(self.model.answer(batch)))[PREAMBLE.size :]
            self.batcher.on_result(worker, decode_result(memoryview(body)))

        if self.held is None:
            asyncio.get_running_loop().call_soon(work)
        else:
            self.held.append(work)

    def entry(self, payload: Payload, probabilities: bool, timeout_s: float = 60.0) -> Entry:
        ask = Ask("somebody", NORMAL, monotonic() + timeout_s, 100)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        return Entry(payload, probabilities, ask, future)

    async def whole(self, payload: Payload, probabilities: bool) -> Answer:
        entry = self.entry(payload, probabilities)
        self.served.submit(entry)
        assert isinstance(entry.future, asyncio.Future)
        answer: Answer = await entry.future
        return answer

    async def parted(
        self, payload: Payload, probabilities: bool, client: Client | None = None, **more: Any
    ) -> Answer | None:
        entry = self.entry(payload, probabilities, **more)
        spread = Spread(WORKERS, MAX_ROWS)
        return await spread.answer(self.served, entry, client or Client())


Act = Callable[[Bench], Awaitable[Any]]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut small bodies, too."""
    monkeypatch.setattr(outlook_module, "LEAST_BYTES", 8)
    monkeypatch.setattr(outlook_module, "AIM_S", 1.0 / (PARTS - 0.5))


def play(act: Act, *model: Any) -> Any:
    async def bounded() -> Any:
        bench = Bench(*model)
        try:
            async with asyncio.timeout(30):
                return await act(bench)
        finally:
            bench.batcher.close()

    return asyncio.run(bounded())


def as_json(body: bytes) -> Payload:
    return Payload(1, None, body, Media.JSON, joins=False)


def as_part(body: bytes, media: Media, form: Form = Form.JSON) -> Payload:
    return Payload(1, None, encode_part(PartHead(media, form), body), Media.PART, joins=False)


def as_cells(rows: Sequence[Sequence[Any]], schema: TabularSchema = FLOATS) -> Payload:
    cells = CellPacker(schema).pack(TableRows(schema, MAX_ROWS).check(rows))
    return Payload(cells.rows, cells)


async def both(bench: Bench, payload: Payload, probabilities: bool) -> tuple[Any, Any]:
    """Return what the whole is answered, and what it is in parts (None: nothing)."""
    parted = await bench.parted(payload, probabilities)
    assert not len(bench.home)
    try:
        whole = await bench.whole(payload, probabilities)
    except ServiceError as error:
        return error, parted
    return whole, parted


def told(answer: Answer) -> tuple[Any, ...]:
    """Return all that an answer says but how long it took."""
    return list(answer.predictions), answer.probabilities, answer.text, answer.rows


def agree(payload: Payload, *model: Any, cut: bool | None = None) -> None:
    """Hold the two ways against each other; `cut` says whether it must (not) be done in parts."""

    async def act(bench: Bench) -> None:
        for probabilities in (False, True):
            whole, parted = await both(bench, payload, probabilities)
            if parted is not None:
                assert not isinstance(whole, ServiceError), whole
                assert told(parted) == told(whole)
            if cut is not None:
                assert (parted is not None) is cut

    play(act, *model)


def table(rows: int) -> list[list[float]]:
    drawn: list[list[float]] = np.random.default_rng(3).normal(size=(rows, 3)).tolist()
    return drawn


def words(rows: int) -> list[dict[str, Any]]:
    texts = [
        "plain",
        '"],["',
        "],[",
        "},{",
        '\\"',
        "é",
        None,
        "",
        '{"instances":[[1,2]]}',
        "a,b\nc",
    ]
    return [{"n": float(i), "word": texts[i % len(texts)]} for i in range(rows)]


@pytest.mark.parametrize("rows", [2, 3, 10, 57, MAX_ROWS])
@pytest.mark.parametrize("indent", [None, 1])
def test_tables_of_numbers(rows: int, indent: int | None) -> None:
    body = json.dumps({"instances": table(rows)}, indent=indent).encode()
    agree(as_json(body), cut=True)


@pytest.mark.parametrize("rows", [10, 57, 600])
def test_texts_that_look_like_borders(rows: int) -> None:
    for instances in (words(rows), [[one["n"], one["word"]] for one in words(rows)]):
        agree(as_json(json.dumps({"instances": instances}).encode()), WORDS, LABELS)


def test_warnings_count_rows_from_the_first() -> None:
    many = [{"n": 1000.0 * (i % 3), "word": "x"} for i in range(600)]
    few = [{"n": 1.0, "word": "x"} for i in range(100)] + many[:2]
    for rows in (many, few):
        agree(as_json(json.dumps({"instances": rows}).encode()), WORDS, LABELS, cut=True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]" * 40,
        b'{"instances":[[1,2,3],[1,2,3],[1,2,3]],"instances":[[1,2,3],[1,2,3],[4,5,6]]}',
        b'{"instances":[[1,2,3],[1,2,3],[1,2,3]],"more":[[1,2,3],[1,2,3],[1,2,3]]}',
        b'{"instances":[[1,2,3],[1,2,3],[1,2,3],[1,2,3],[1,2,3]]} trailing, trailing',
        b'{"instances":[[1,2,3],[1,2,3],[1,2,3],[1,2,3],[1,2,3]]}]}',
        b'{"instances":[[1,2,3],[1,2,3],[1,2,3],[1,2,3],[1,2,3]]',
        b'{"instances":[[1,2,3],[1,2,3],[1,2],[1,2,3],[1,2,3]]}',
        b'{"instances":[[1,2,3],[1,2,3],[1,2,null],[1,2,3],[1,2,"3"]]}',
        b'{"instances":[[1,2,3],[[1],[2],[3]],[[1,2,3],[1,2,3]],[1,2,3]]}',
        b'{"instances":[[666,2,3],[1,2,3],[1,2,3],[1,2,3],[1,2,3]]}',
        b'{"instances":[[1,2,3],[1,2,3],[1,2,3],[1,2,3],[1e999,2,3]]}',
        b'{"instances":[[1,2,3],[1,2,3],[1,2,3],\x0b[1,2,3],[1,2,3]]}',
        b'{"inputs":{"x0":[1,2,3,4,5],"x1":[1,2,3,4,5],"x2":[1,2,3,4,5]}}',
        b'{"instance":[1,2,3]                                           }',
        b'{"instances":[' + b"[1,2,3]," * MAX_ROWS + b"[1,2,3]]}",
    ],
)
def test_what_is_wrong_is_left_to_the_whole(body: bytes) -> None:
    agree(as_json(body), cut=False)


def test_broken_bodies_are_answered_alike() -> None:
    drawn = random.Random(5)
    sound = json.dumps({"instances": [[one["n"], one["word"]] for one in words(12)]}).encode()

    async def act(bench: Bench) -> int:
        answered = 0
        for _ in range(1500):
            body = bytearray(sound)
            for _ in range(drawn.randint(1, 2)):
                place = drawn.randrange(len(body))
                body[place : place + drawn.choice((0, 1, 1, 9))] = bytes(
                    drawn.choices(b'[]{},:"\\ 1n', k=drawn.choice((0, 1, 1, 2)))
                )
            whole, parted = await both(bench, as_json(bytes(body)), True)
            if parted is not None:
                answered += 1
                assert parted.text == whole.text
        return answered

    assert play(act, WORDS, LABELS) > 5


@pytest.mark.parametrize("form", [Form.JSON, Form.CSV])
@pytest.mark.parametrize("header", [False, True])
def test_csv(form: Form, header: bool) -> None:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\r\n")
    lines.writerows([["n", "word"]] * header)
    lines.writerows([one["n"], one["word"] or "none"] for one in words(300))
    agree(as_part(text.getvalue().encode(), Media.CSV, form), WORDS, LABELS, cut=True)
    plain = "".join(f"{a!r},{b!r},{c!r}\n" for a, b, c in table(300))
    agree(as_part(("x2,x0,x1\n" * header + plain).encode(), Media.CSV, form), cut=True)
    agree(as_part((plain + "1,2\n").encode(), Media.CSV, form), cut=False)


@pytest.mark.parametrize("rows", [2, 3, 10, 57, MAX_ROWS])
def test_rows_that_were_read_already(rows: int) -> None:
    agree(as_cells(table(rows)), cut=True)
    texts = [[one["n"], one["word"]] for one in words(min(rows, 600))]
    agree(as_cells(texts, WORDS), WORDS, LABELS, cut=True)


def test_one_row_and_rows_of_which_one_fails_are_left_to_the_whole() -> None:
    agree(as_cells(table(1)), cut=False)
    agree(as_cells([*table(50), [666.0, 1.0, 2.0]]), cut=False)


@pytest.mark.parametrize("kind", ["<f8", ">f4", "<i2"])
def test_npy(kind: str) -> None:
    file = io.BytesIO()
    np.save(file, (np.array(table(301)) * 50).astype(kind))
    agree(as_part(file.getvalue(), Media.NPY), cut=True)
    agree(as_part(file.getvalue(), Media.NPY, Form.CSV), cut=True)
    agree(as_part(file.getvalue()[:-1], Media.NPY), cut=False)
    file = io.BytesIO()
    np.save(file, np.asfortranarray(table(301)))
    agree(as_part(file.getvalue(), Media.NPY), cut=False)


def arrow_stream(rows: int, batches: int) -> bytes:
    columns = np.array(table(rows)).T
    batch = pa.RecordBatch.from_arrays([pa.array(one) for one in columns], ["x0", "x1", "x2"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        for _ in range(batches):
            writer.write_batch(batch)
    return bytes(sink.getvalue())


@pytest.mark.parametrize("batches", [1, 7])
def test_arrow(batches: int) -> None:
    body = arrow_stream(140, batches)
    agree(as_part(body, Media.ARROW), cut=True)
    agree(as_part(body[:-30], Media.ARROW), cut=False)

    async def act(bench: Bench) -> None:
        whole, parted = await both(bench, as_part(body, Media.ARROW, Form.ARROW), True)
        tables = [pa.ipc.open_stream(one.text).read_all() for one in (whole, parted)]
        assert tables[0].equals(tables[1])

    play(act)


def test_small_requests_do_not_wait_for_all_parts() -> None:
    async def act(bench: Bench) -> None:
        bench.held = []
        body = json.dumps({"instances": table(50)}).encode()
        large = asyncio.ensure_future(bench.parted(as_json(body), False))
        await asyncio.sleep(0.01)
        assert len(bench.held) == WORKERS
        assert bench.batcher.statistics().waiting == 0
        small = bench.entry(as_json(b'{"instances":[[1,2,3]]}'), False)
        bench.served.submit(small)
        bench.held.pop(0)()  # one part of many has ended, and whoever waits is next
        assert len(bench.held) == WORKERS
        bench.held.pop()()
        assert small.future.done()
        while not large.done():
            await asyncio.sleep(0.001)
            for work in bench.held[:]:
                bench.held.remove(work)
                work()
        assert large.result() is not None

    play(act)


def test_one_part_at_a_time_if_nobody_is_free() -> None:
    async def act(bench: Bench) -> None:
        bench.held = []
        others = [bench.entry(as_json(b'{"instances":[[1,2,3]]}'), False) for _ in range(WORKERS)]
        for other in others:
            bench.served.submit(other)
        await asyncio.sleep(0.01)
        body = json.dumps({"instances": table(50)}).encode()
        large = asyncio.ensure_future(bench.parted(as_json(body), False))
        await asyncio.sleep(0.01)
        assert bench.batcher.statistics().waiting == 1
        large.cancel()
        await asyncio.gather(large, return_exceptions=True)

    play(act)


def test_short_ones_and_those_that_nobody_shares_are_not_cut() -> None:
    async def act(bench: Bench) -> None:
        body = as_json(json.dumps({"instances": table(50)}).encode())
        bench.expected_s = outlook_module.PAYS_S * 0.99
        assert await bench.parted(body, False) is None
        bench.expected_s = outlook_module.PAYS_S
        assert await bench.parted(body, False) is not None
        bench.held = []
        bench.served.submit(bench.entry(body, False))
        await asyncio.sleep(0.01)
        assert await bench.parted(body, False) is None

    play(act)


def test_who_answers_otherwise_in_parts_is_not_asked_in_parts() -> None:
    async def act(bench: Bench) -> None:
        body = as_json(json.dumps({"instances": table(50)}).encode())
        assert await bench.parted(body, False) is not None
        bench.served.divisible = False
        assert await bench.parted(body, False) is None

    play(act)


def test_a_part_that_ends_workers_condemns_the_whole() -> None:
    async def act(bench: Bench) -> None:
        rows = table(50)
        rows[30] = [13.25, 13.5, 13.75]
        bench.deadly = b"13.25, 13.5, 13.75"
        payload = as_json(json.dumps({"instances": rows}).encode())
        with pytest.raises(PoisonInput):
            await bench.parted(payload, False)
        assert bench.workers == WORKERS + 2
        for again in (bench.parted, bench.whole):
            with pytest.raises(PoisonInput):
                await again(payload, False)
        assert bench.workers == WORKERS + 2

    play(act)


def test_a_client_that_goes_a_deadline_and_a_swap() -> None:
    async def act(bench: Bench) -> None:
        body = as_json(json.dumps({"instances": table(50)}).encode())
        bench.held = []
        client = Client()
        running = asyncio.ensure_future(bench.parted(body, False, client))
        await asyncio.sleep(0.01)
        assert len(bench.home) == 1
        client.leave()
        with pytest.raises(ClientGone):
            await running
        assert client.waiting is None
        for _ in range(WORKERS):
            bench.held.pop()()
        await asyncio.sleep(0.01)
        assert not bench.held  # nothing is begun that nobody waits for
        with pytest.raises(DeadlineExceeded):
            await bench.parted(body, False, timeout_s=0.1)
        for _ in range(WORKERS):
            bench.held.pop()()
        running = asyncio.ensure_future(bench.parted(body, False))
        await asyncio.sleep(0.01)
        bench.home.cut()
        with pytest.raises(ServiceError, match="out of service"):
            await running
        assert not len(bench.home)

    play(act)
