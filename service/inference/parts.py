"""A body that a worker reads and whose answer it writes: how both travel.

    request  head (what the body is, what the answer shall be, which rows), body
    answer   of a whole body: the answer as the client gets it
             of a part of a stream: head, its warnings as JSON, its piece of the answer

The pieces of a stream, in their order, are its answer: rows of CSV, record batches of Arrow, or the
elements of JSON's `predictions` (and, apart from them, of its `probabilities`).
"""

import struct
from enum import IntEnum
from typing import NamedTuple

import orjson

from service.errors import FrameError
from service.inference.messages import Media

_HEAD = struct.Struct("=BBBxII")
_ANSWER = struct.Struct("=III")
_MEDIA = {media.value: media for media in Media}


class Form(IntEnum):
    """What an answer is."""

    JSON = 1
    CSV = 2
    ARROW = 3


class PartHead(NamedTuple):
    """What a worker needs to know of a body."""

    media: Media
    form: Form
    is_piece: bool = False
    """It is one of several: the answer has neither what begins nor what ends the whole."""
    is_first: bool = True
    """What begins the answer (a header, a schema) is written all the same."""
    is_bare: bool = False
    """Its first line is a row, whatever it looks like."""
    start: int = 0
    stop: int = 0
    """The rows to answer, counted from the body's first; 0: all from `start` on."""


class Piece(NamedTuple):
    """A worker's answer to a part."""

    data: bytes
    warnings: list[dict[str, int | str]]
    """The first warnings of its rows, counted from the part's first."""
    left_out: int
    """How many more there are."""
    chances: bytes = b""
    """In JSON the elements of `probabilities`, if they were asked for."""


def encode_part(head: PartHead, *body: bytes | memoryview) -> bytes:
    """Return head and body of a request."""
    flags = head.is_piece | head.is_first << 1 | head.is_bare << 2
    return b"".join([_HEAD.pack(head.media, head.form, flags, head.start, head.stop), *body])


def decode_part(data: memoryview) -> tuple[PartHead, memoryview]:
    """Return head and body of a request.

    Raises:
        FrameError: it is none.
    """
    try:
        media, form, flags, start, stop = _HEAD.unpack_from(data)
        switches = bool(flags & 1), bool(flags & 2), bool(flags & 4)
        head = PartHead(_MEDIA[media], Form(form), *switches, start, stop)
    except (struct.error, KeyError, ValueError) as error:
        raise FrameError("no part of a body") from error
    return head, data[_HEAD.size :]


def encode_piece(piece: Piece) -> bytes:
    """Return the answer to a part."""
    told = orjson.dumps(piece.warnings) if piece.warnings else b""
    head = _ANSWER.pack(len(told), piece.left_out, len(piece.chances))
    return b"".join([head, told, piece.chances, piece.data])


def decode_piece(blob: bytes) -> Piece:
    """Return the answer to a part.

    Raises:
        FrameError: it is none.
    """
    try:
        told_bytes, left_out, chances_bytes = _ANSWER.unpack_from(blob)
        start = _ANSWER.size + told_bytes
        told = orjson.loads(blob[_ANSWER.size : start]) if told_bytes else []
    except (struct.error, ValueError) as error:
        raise FrameError("no answer to a part") from error
    middle = start + chances_bytes
    if middle > len(blob):
        raise FrameError("no answer to a part")
    return Piece(blob[middle:], told, left_out, blob[start:middle])
