"""A body that came whole to the parts that workers compute, and their pieces to one answer."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from service.batching.answer import Answer, Computed, Timing
from service.batching.entry import Payload
from service.catalogue import ServedVersion
from service.codecs.arrow_frames import END
from service.codecs.arrow_slices import Buffer
from service.codecs.cells import cut_cells
from service.codecs.flags import MAX_WARNINGS, RowWarning, Warnings
from service.codecs.json_parts import cut_instances
from service.codecs.npy_rows import cut_rows
from service.codecs.part_sizes import PartSizes
from service.inference.messages import MAX_BODY_BYTES, Media
from service.inference.parts import Form, PartHead, Piece, decode_part, encode_part
from service.protocols.stream_parts import ArrowParts, CsvParts, Parts

SLACK_BYTES = 1 << 10
"""So much larger are parts of CSV than they need be: none is left over for the last rows."""
_CUTTERS: dict[Media, Callable[[bytes, int], list[bytes]]] = {
    Media.JSON: cut_instances,
    Media.NPY: cut_rows,
}


class Pieces(NamedTuple):
    """What the parts of a request were answered."""

    form: Form
    pieces: Sequence[Piece]
    rows: Sequence[int]
    """The rows of each."""


def form_of(payload: Payload) -> Form:
    """Return what the answer to a payload is."""
    if payload.media is Media.PART:
        return decode_part(memoryview(payload.body))[0].form
    return Form.JSON


def cut_up(payload: Payload, rows: int, names: Sequence[str], parts: int) -> list[Payload]:
    """Return the parts of a request, as workers take them; fewer than two if it cannot be cut.

    Args:
        payload: rows that were read, a table in JSON, or a part that is a whole body.
        rows: how many it probably has.
        names: the model's columns.
        parts: about how many are wanted.

    Raises:
        ServiceError: the body cannot be read; who reads it whole finds the words.
    """
    if payload.cells is not None:
        cut = cut_cells(payload.cells, parts)
        return [Payload(cells.rows, cells, joins=False) for cells in cut]
    bodies = _cut_body(payload, names, parts)
    each = max(rows // max(len(bodies), 1), 1)
    return [Payload(each, None, body, Media.PART, joins=False) for body in bodies]


def _cut_body(payload: Payload, names: Sequence[str], parts: int) -> list[bytes]:
    media, form = payload.media, Form.JSON
    body: Buffer = payload.body
    if media is Media.PART:
        head, body = decode_part(memoryview(body))
        media, form = head.media, head.form
    cut = _CUTTERS.get(media)
    if cut is not None:
        return [
            encode_part(PartHead(media, form, True, number == 0), one)
            for number, one in enumerate(cut(bytes(body), parts))  # of bytes this is no copy
        ]
    sizes = PartSizes()
    sizes.size_bytes = len(body) // parts + SLACK_BYTES
    if media is Media.CSV:
        return _all_of(CsvParts(frozenset(names), form, sizes, MAX_BODY_BYTES), body)
    if media is Media.ARROW:
        return _all_of(ArrowParts(form, sizes, MAX_BODY_BYTES), body)
    return []


def _all_of(cutter: Parts, body: Buffer) -> list[bytes]:
    cutter.feed(body)
    cutter.end()
    parts = []
    while (part := cutter.next()) is not None:
        parts.append(part.body)
    return parts


def joined(answers: Sequence[Answer], timing: Timing) -> Answer:
    """Return the answer to rows that were read, of the answers to its parts in their order."""
    asked = answers[0].probabilities is not None
    computed = Computed(
        [one for answer in answers for one in answer.predictions],
        [one for answer in answers for one in answer.probabilities or ()],
        timing.predict_s,
        timing.other_s,
    )
    return Answer(computed, 0, len(computed.predictions), timing.queue_s, chances=asked)


def put_together(served: ServedVersion, answered: Pieces, *, probabilities: bool) -> bytes:
    """Return the answer to a whole body, as one worker would have written it.

    But one in Arrow has a record batch a part.
    """
    pieces = [piece.data for piece in answered.pieces]
    if answered.form is Form.CSV:
        return b"".join(pieces)
    if answered.form is Form.ARROW:
        return b"".join([*pieces, END])
    chances = [piece.chances for piece in answered.pieces] if probabilities else None
    return served.encoder.assemble(
        _list(pieces), None if chances is None else _list(chances), _warnings(answered)
    )


def _list(elements: Sequence[bytes]) -> bytes:
    return b"".join([b"[", b",".join(elements), b"]"])


def _warnings(answered: Pieces) -> Warnings | None:
    """Return what is told of all rows, counted from the first of the whole."""
    told: list[RowWarning] = []
    left_out = before = 0
    for piece, rows in zip(answered.pieces, answered.rows, strict=True):
        for one in piece.warnings:
            warning = RowWarning(**one)  # type: ignore[arg-type]
            told.append(warning._replace(row=warning.row + before))
        left_out += piece.left_out
        before += rows
    left_out += max(len(told) - MAX_WARNINGS, 0)
    return Warnings(told[:MAX_WARNINGS], left_out) if told else None
