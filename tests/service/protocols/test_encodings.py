"""What is compressed comes out as it was, and never as more than a body may be."""

import asyncio
import gzip
import tracemalloc
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import TooLarge, Unreadable, UnsupportedMedia
from service.protocols.encodings import PIECE_BYTES, STEP_BYTES, check_coding, decoded

LIMIT = 1 << 20


def deflated(body: bytes, bits: int) -> bytes:
    deflater = zlib.compressobj(wbits=bits)
    return deflater.compress(body) + deflater.flush()


def read(body: bytes, coding: bytes, limit: int = LIMIT) -> bytes:
    check_coding(coding)
    return asyncio.run(decoded(body, coding, limit))


WAYS = [
    (b"gzip", gzip.compress),
    (b" GZip", gzip.compress),
    (b"x-gzip", gzip.compress),
    (b"deflate", zlib.compress),
    (b"deflate", lambda body: deflated(body, -15)),
    (b"identity", lambda body: body),
]
BODIES = [
    b"",
    b"x",
    b"\0" * STEP_BYTES,
    b"\0" * (STEP_BYTES + 1),
    b"\0" * LIMIT,
    bytes(range(256)) * 1024,
    b"".join(zlib.crc32(bytes([i % 256, i // 256])).to_bytes(4, "big") for i in range(65536)),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("body", BODIES, ids=len)
def test_it_comes_out_as_it_was(way: tuple[bytes, object], body: bytes) -> None:
    coding, pack = way
    assert read(pack(body), coding) == body  # type: ignore[operator]


@pytest.mark.parametrize("bits", [31, 15, -15])
def test_one_byte_too_many(bits: int) -> None:
    coding = b"gzip" if bits == 31 else b"deflate"
    with pytest.raises(TooLarge, match="1048576 bytes"):
        read(deflated(b"\0" * (LIMIT + 1), bits), coding)


def test_a_bomb_takes_no_memory() -> None:
    deflater = zlib.compressobj(9, wbits=31)
    bomb = b"".join(deflater.compress(b"\0" * LIMIT) for _ in range(256)) + deflater.flush()
    assert len(bomb) < LIMIT
    tracemalloc.start()
    with pytest.raises(TooLarge):
        read(bomb, b"gzip")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * LIMIT


@pytest.mark.parametrize(
    ("body", "coding", "word"),
    [
        (b"", b"gzip", "cut off"),
        (b"{}", b"gzip", "not valid gzip"),
        (b"\xff\xff", b"deflate", "not valid deflate"),
        (gzip.compress(b"x" * 1000, mtime=0)[:-1], b"gzip", "cut off"),
        (zlib.compress(b"x" * 1000)[:-1], b"deflate", "cut off"),
        (gzip.compress(b"x", mtime=0) + b"!", b"gzip", "follows"),
        (gzip.compress(b"x", mtime=0) * 2, b"gzip", "follows"),
        (gzip.compress(b"x", mtime=0)[:-8] + b"\0" * 8, b"gzip", "not valid"),
    ],
)
def test_what_is_damaged_is_unreadable(body: bytes, coding: bytes, word: str) -> None:
    with pytest.raises(Unreadable, match=word):
        read(body, coding)


def test_what_follows_in_another_piece_is_seen() -> None:
    noise = BODIES[-1][: PIECE_BYTES - 18 - 10]
    stored = zlib.compressobj(0, wbits=31)
    packed = stored.compress(noise) + stored.flush()
    assert len(packed) == PIECE_BYTES
    assert read(packed, b"gzip") == noise
    with pytest.raises(Unreadable, match="follows"):
        read(packed + b"!", b"gzip")


@pytest.mark.parametrize("coding", [b"br", b"zstd", b"gzip, gzip", b"", b"\xff"])
def test_other_codings_are_refused(coding: bytes) -> None:
    with pytest.raises(UnsupportedMedia, match="gzip or deflate"):
        check_coding(coding)


@given(st.binary(max_size=200), st.sampled_from([b"gzip", b"deflate"]))
def test_any_bytes_are_read_or_unreadable(body: bytes, coding: bytes) -> None:
    with suppress(Unreadable):
        assert len(read(body, coding)) <= LIMIT
