"""The cutter against pyarrow's writer: any chunking, any slice, and bytes that are no stream."""

import io
import struct
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.codecs.arrow_frames import END, MARKER, ArrowCutter, Batch, encapsulated
from service.codecs.arrow_slices import Buffer, Slicer
from service.codecs.flatbuffers import Malformed
from service.errors import ServiceError, TooLarge, Unreadable

LIMIT = 1 << 20
ROWS = 203


def column(kind: pa.DataType, values: list[Any], holes: int) -> pa.Array:
    return pa.array([None if holes and i % holes == 0 else v for i, v in enumerate(values)], kind)


def table(rows: int = ROWS, holes: int = 5) -> pa.Table:
    numbers = list(range(rows))
    texts = [f"é{i}" * (i % 4) for i in numbers]
    return pa.table(
        {
            "f8": column(pa.float64(), [i / 3 for i in numbers], holes),
            "f2": column(pa.float16(), numbers, 0),
            "i1": column(pa.int8(), [i % 100 for i in numbers], holes),
            "u8": column(pa.uint64(), numbers, 0),
            "b": column(pa.bool_(), [i % 3 == 0 for i in numbers], holes),
            "s": column(pa.string(), texts, holes),
            "ls": column(pa.large_string(), texts, 0),
            "d": column(pa.string(), [texts[i % 7] for i in numbers], holes).dictionary_encode(),
            "n": pa.nulls(rows),
        }
    )


def as_stream(data: pa.Table, batch_rows: int | None = None, **options: Any) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, data.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(data, max_chunksize=batch_rows)
    return sink.getvalue()


def cut(body: bytes, chunk: int | None = None, limit: int = LIMIT) -> list[Batch]:
    cutter, batches = ArrowCutter(limit), list[Batch]()
    step = chunk or len(body) or 1
    for start in range(0, len(body), step):
        batches += cutter.feed(body[start : start + step])
    cutter.end()
    return batches


def read(head: bytes, *messages: Buffer) -> pa.Table:
    found = pa.ipc.open_stream(b"".join([head, *messages, END])).read_all()
    found.validate(full=True)
    return found


@pytest.mark.parametrize("batch_rows", [None, 50, 1])
@pytest.mark.parametrize("chunk", [1, 1000, None])
def test_batches_are_what_was_written(batch_rows: int | None, chunk: int | None) -> None:
    data = table()
    batches = cut(as_stream(data, batch_rows), chunk)
    assert [one.rows for one in batches][:4] == [batch_rows or ROWS] * min(len(batches), 4)
    assert pa.concat_tables(read(one.head, *one.message()) for one in batches).equals(data)


@given(st.integers(0, ROWS // 8), st.integers(1, ROWS), st.integers(0, 3))
def test_a_slice_is_what_pyarrow_slices(eighth: int, count: int, holes: int) -> None:
    start = 8 * eighth
    stop = min(start + count, ROWS)
    if start >= stop:
        return
    data = table(holes=holes)
    (batch,) = cut(as_stream(data))
    assert batch.layout is not None
    slicer = Slicer(batch.layout, batch.metadata, batch.body)
    found = read(batch.head, encapsulated(*slicer.rows_of(start, stop)))
    assert found.equals(data.slice(start, stop - start))
    nulls = [one.null_count for one in found.columns]
    assert nulls == [one.null_count for one in data.slice(start, stop - start).columns]


def test_a_slice_of_texts_whose_offsets_do_not_begin_at_zero() -> None:
    whole = table().combine_chunks().to_batches()[0]
    (batch,) = cut(as_stream(pa.Table.from_batches([whole.slice(96, 100)])))
    slicer = Slicer(batch.layout or (), batch.metadata, batch.body)
    found = read(batch.head, encapsulated(*slicer.rows_of(16, 90)))
    assert found.equals(pa.Table.from_batches([whole.slice(112, 74)]))


@pytest.mark.parametrize(
    "kind", [pa.string_view(), pa.list_(pa.int8()), pa.decimal128(9, 2), pa.timestamp("s")]
)
def test_what_cannot_be_sliced_goes_whole(kind: pa.DataType) -> None:
    data = pa.table({"x": pa.nulls(20, kind)})
    (batch,) = cut(as_stream(data))
    assert batch.layout is None
    assert read(batch.head, *batch.message()).equals(data)


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_compressed_batches_are_not_sliced(codec: str) -> None:
    (batch,) = cut(as_stream(table(), compression=codec))
    assert batch.layout is None
    assert read(batch.head, *batch.message()).equals(table())


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_what_would_decompress_to_too_much(codec: str) -> None:
    body = as_stream(pa.table({"x": pa.array([0] * 1_000_000)}), compression=codec)
    assert len(body) < 100_000
    with pytest.raises(TooLarge, match="smaller batches"):
        cut(body)


def test_a_batch_that_is_too_large_says_what_to_do() -> None:
    with pytest.raises(TooLarge, match="max_chunksize="):
        cut(as_stream(table(20_000)), 1 << 16, 100_000)
    assert cut(as_stream(table(20_000), 500), 1 << 16, 100_000)


def test_dictionaries_that_change_go_with_the_batches_that_mean_them() -> None:
    sink = io.BytesIO()
    parts = [pa.table({"d": pa.array(one).dictionary_encode()}) for one in (["a", "b"], ["c"])]
    with pa.ipc.new_stream(sink, parts[0].schema) as writer:
        for part in parts:
            writer.write_table(part)
    found = [read(one.head, *one.message()) for one in cut(sink.getvalue())]
    assert [one["d"].to_pylist() for one in found] == [["a", "b"], ["c"]]


def test_dictionaries_that_grow() -> None:
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    words = pa.array(["a", "b", "c"])
    schema = pa.schema({"d": pa.dictionary(pa.int32(), pa.string())})
    with pa.ipc.new_stream(sink, schema, options=options) as writer:
        for known in (1, 2, 3):
            indices = pa.array([known - 1, 0], pa.int32())
            array = pa.DictionaryArray.from_arrays(indices, words.slice(0, known))
            writer.write_batch(pa.record_batch([array], schema=schema))
    found = [read(one.head, *one.message())["d"].to_pylist() for one in cut(sink.getvalue())]
    assert found == [["a", "a"], ["b", "a"], ["c", "a"]]


def test_rows_that_take_no_room_are_limited() -> None:
    assert cut(as_stream(pa.table({"x": pa.nulls(8000)})))
    with pytest.raises(Unreadable, match="more rows than"):
        cut(as_stream(pa.table({"x": pa.nulls(1_000_000)})))


def test_batches_without_rows_are_left_out() -> None:
    assert cut(as_stream(table(0))) == []


def test_a_stream_need_not_say_that_it_ends() -> None:
    body = as_stream(table())
    assert body.endswith(END)
    assert len(cut(body.removesuffix(END))) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"\x89PNG\r\n\x1a\n" * 4,
        b"ARROW1\x00\x00" * 10,
        MARKER,
        END,
        MARKER + struct.pack("<i", -8) + bytes(8),
        MARKER + struct.pack("<i", 1 << 30) + bytes(8),
        MARKER + struct.pack("<i", 8) + bytes(8),
        MARKER + struct.pack("<i", 8) + b"\xff" * 8,
        as_stream(table()) + b"x",
        as_stream(table())[:-20],
        as_stream(table())[:100],
        as_stream(table()).removesuffix(END) + as_stream(table()),
    ],
)
@pytest.mark.parametrize("chunk", [3, None])
def test_what_is_no_stream(body: bytes, chunk: int | None) -> None:
    with pytest.raises(Unreadable):
        cut(body, chunk)


@settings(max_examples=400)
@given(st.data())
def test_bent_streams_are_refused_or_cut_within_bounds(data: st.DataObject) -> None:
    """No byte that is wrong makes anything else than a refusal, whoever reads it next."""
    body = bytearray(as_stream(table(40), 16))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place] = data.draw(st.integers(0, 255))
    try:
        for batch in cut(bytes(body)):
            if batch.layout is not None:
                slicer = Slicer(batch.layout, batch.metadata, batch.body)
                metadata, *parts = slicer.rows_of(0, min(8, batch.rows))
                assert len(metadata) == len(batch.metadata)
                assert sum(map(len, parts)) <= len(batch.body) + 8 * 30
    except (ServiceError, Malformed):
        pass
