"""A request in parts is answered as the whole is, byte by byte, and refused in the same words."""

import csv
import io
import json
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from service.batching.answer import Answer
from service.batching.entry import Payload
from service.errors import ServiceError
from service.inference.messages import (
    Media,
)
from service.inference.parts import Form
from tests.service.protocols.spreads import (
    LABELS,
    MAX_ROWS,
    WORDS,
    Bench,
    as_cells,
    as_json,
    as_part,
    play,
    table,
    words,
)

pytestmark = pytest.mark.usefixtures("small_parts")


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
