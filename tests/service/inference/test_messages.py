import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.codecs.cells import Cells
from service.errors import FrameError
from service.inference.messages import (
    PREAMBLE,
    BatchResult,
    Kind,
    Media,
    ResultEntry,
    Status,
    decode_model,
    decode_predict,
    decode_result,
    encode_bodies,
    encode_cells,
    encode_differs,
    encode_fall_back,
    encode_result,
    frame,
    read_preamble,
)

MUTATIONS = 100_000


def body_of(parts: list[bytes]) -> memoryview:
    whole = b"".join(parts)
    kind, size = read_preamble(whole)
    assert len(whole) == PREAMBLE.size + size
    assert kind in {Kind.PREDICT, Kind.RESULT}
    return memoryview(whole)[PREAMBLE.size :]


@given(st.lists(st.tuples(st.integers(1, 5), st.binary(max_size=9), st.booleans()), min_size=1))
def test_cells_of_a_batch_arrive_joined(requests: list[tuple[int, bytes, bool]]) -> None:
    cells = [Cells(rows, b"n" * 8 * rows, b"l" * 4, text) for rows, text, _ in requests]
    wanted = [probabilities for *_, probabilities in requests]
    batch = decode_predict(body_of(encode_cells(7, 2, cells, wanted)))
    assert (batch.batch, batch.model) == (7, 2)
    assert batch.rows == sum(rows for rows, *_ in requests)
    assert bytes(batch.text) == b"".join(text for _, text, _ in requests)
    assert [entry.probabilities for entry in batch.entries] == wanted
    assert [entry.rows for entry in batch.entries] == [rows for rows, *_ in requests]


@given(st.lists(st.binary(max_size=50), min_size=1))
def test_bodies_of_a_batch_arrive_apart(bodies: list[bytes]) -> None:
    parts = encode_bodies(1, 0, [(Media.IMAGE, body, True) for body in bodies])
    batch = decode_predict(body_of(parts))
    assert [bytes(entry.body) for entry in batch.entries] == bodies
    assert {entry.media for entry in batch.entries} == {Media.IMAGE}


def test_a_result_arrives_as_it_left() -> None:
    result = BatchResult(
        9,
        [
            ResultEntry(2, Status.ROWS, b""),
            ResultEntry(0, Status.ERROR, b"{}"),
            ResultEntry(1, Status.ROWS, b""),
        ],
        labels=struct.pack("=3i", 0, 2, 1),
        probabilities=struct.pack("=6d", *range(6)),
        classes=2,
        predict_ns=5,
        other_ns=6,
    )
    got = decode_result(body_of(encode_result(result)))
    assert got.entries == result.entries
    assert bytes(got.labels) == result.labels
    assert bytes(got.probabilities) == result.probabilities
    assert (got.batch, got.classes, got.predict_ns, got.other_ns) == (9, 2, 5, 6)


def test_values_may_have_a_width() -> None:
    values = struct.pack("=4d", 1, 2, 3, 4)
    result = BatchResult(1, [ResultEntry(2, Status.ROWS, b"")], values=values, width=2)
    got = decode_result(body_of(encode_result(result)))
    assert bytes(got.values) == values
    assert got.width == 2


@pytest.mark.parametrize("data", [b"", b"\0" * 8, b"PC\x09\0\0\0\0\0", b"PC\x01\0\xff\xff\xff\xff"])
def test_what_begins_no_frame(data: bytes) -> None:
    with pytest.raises(FrameError):
        read_preamble(data)


def test_decoders_survive_any_bytes() -> None:
    """Mutated frames are refused or read; nothing but FrameError ever comes out."""
    chance = random.Random(4)
    cells = Cells(1, b"12345678", b"1234", b"text")
    result = BatchResult(
        1, [ResultEntry(1, Status.ROWS, b"")], struct.pack("=i", 1), b"", 0, b"8 bytes!", 1
    )
    seeds = [
        (decode_predict, b"".join(encode_cells(1, 0, [cells, cells], [True, False])[1:])),
        (decode_predict, b"".join(encode_bodies(1, 0, [(Media.JSON, b"body", True)])[1:])),
        (decode_result, b"".join(encode_result(result)[1:])),
    ]
    refused = 0
    for _ in range(MUTATIONS):
        decode, seed = chance.choice(seeds)
        data = bytearray(seed)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if chance.random() < 0.3:
            del data[chance.randrange(len(data)) :]
        try:
            decode(memoryview(bytes(data)))
        except FrameError:
            refused += 1
    assert 0 < refused < MUTATIONS


def test_a_frame_tells_its_own_length() -> None:
    assert read_preamble(b"".join(frame(Kind.PING))) == (Kind.PING, 0)


def test_what_is_said_of_a_model_comes_back() -> None:
    head, *body = encode_differs(3, b"{}")
    assert read_preamble(head) == (Kind.DIFFERS, 6)
    assert decode_model(memoryview(b"".join(body))) == (3, b"{}")
    head, *body = encode_fall_back(4)
    assert read_preamble(head) == (Kind.FALL_BACK, 4)
    assert decode_model(memoryview(b"".join(body))) == (4, b"")
    with pytest.raises(FrameError):
        decode_model(memoryview(b"\0\0\0"))
