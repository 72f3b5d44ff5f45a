"""Media types that several protocols share: how a table comes, and how an answer goes."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import orjson

from service.batching.answer import Answer
from service.batching.entry import Payload
from service.catalogue import ServedVersion
from service.codecs.cells import Cells, Row
from service.codecs.npy_rows import MAGIC
from service.errors import UnsupportedMedia
from service.inference.messages import Media
from service.inference.parts import Form, PartHead, encode_part
from service.protocols.http import JSON, Headers
from service.protocols.streaming import ARROW_TYPE
from service.protocols.wire import Question

CSV = b"text/csv"
NPY = b"application/x-npy"
ARROW = ARROW_TYPE
OCTETS = b"application/octet-stream"
CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})
UNREAD = Payload(1, None)
REMEMBERED = 256

ReadPayload = Callable[[], Payload]
"""Reads a body; raises a `ServiceError` that says what is wrong with it."""


def media_type(headers: Headers) -> bytes:
    """Return what a body is; one that does not say is JSON."""
    return headers.get(b"content-type", JSON).partition(b";")[0].strip().lower()


def table_reader(
    served: ServedVersion, kind: bytes, headers: Headers, body: bytes
) -> ReadPayload | None:
    """Return what reads a table that is CSV or npy; None if this is neither.

    Raises:
        UnsupportedMedia: it is CSV in another charset than UTF-8.
    """
    if served.rows is None or served.pack is None:
        return None
    if kind == CSV:
        check_charset(headers.get(b"content-type", b""))
        return partial(read_payload, served.pack, served.rows.from_csv, body)
    # Octets may be anything: these say themselves what they are.
    if kind == NPY or (kind == OCTETS and body.startswith(MAGIC)):
        return partial(read_payload, served.pack, served.rows.from_npy, body)
    return None


def table_question(read: ReadPayload, probabilities: bool, form: Any, *, aside: bool) -> Question:
    """Return what a table asks; a large one is read aside, as it would hold up everybody else."""
    if aside:
        return Question(UNREAD, probabilities, form, reader=read)
    return Question(read(), probabilities, form)


def read_payload(
    pack: Callable[[Sequence[Row]], Cells], read: Callable[[bytes], list[Row]], body: bytes
) -> Payload:
    """Return the packed rows of a body."""
    cells = pack(read(body))
    return Payload(cells.rows, cells)


def part_question(media: Media, form: Form, body: bytes, probabilities: bool) -> Question:
    """Return what a body asks that a worker reads, and whose answer it writes."""
    part = encode_part(PartHead(media, form), body)
    return Question(Payload(1, None, part, Media.PART, joins=False), probabilities, form)


def check_charset(content_type: bytes) -> None:
    """Refuse CSV that does not say it is UTF-8.

    Raises:
        UnsupportedMedia: it says something else.
    """
    for option in content_type.decode("latin-1").split(";")[1:]:
        name, _, value = option.partition("=")
        is_known = value.strip().strip('"').lower() in CHARSETS
        if name.strip().lower() == "charset" and not is_known:
            raise UnsupportedMedia("CSV is taken in UTF-8 only.")


@lru_cache(REMEMBERED)
def prefers_csv(accept: bytes) -> bool:
    """Return whether a client would rather have CSV than JSON, by its Accept header."""
    weights = _weights(accept)
    return _wanted(weights, "text", "csv") > _wanted(weights, "application", "json")


@lru_cache(REMEMBERED)
def answer_form(accept: bytes) -> Form:
    """Return the form that a client wants most, by its Accept header; in doubt it is JSON."""
    weights = _weights(accept)
    forms = {
        Form.JSON: _wanted(weights, "application", "json"),
        Form.CSV: _wanted(weights, "text", "csv"),
        Form.ARROW: _wanted(weights, *ARROW.decode().split("/")),
    }
    return max(forms, key=forms.__getitem__)  # the first of equals


def _weights(accept: bytes) -> dict[str, float]:
    weights: dict[str, float] = {}
    for one in accept.decode("latin-1").lower().split(","):
        name, *options = [part.strip() for part in one.split(";")]
        weights[name] = _weight(options)
    return weights


def _wanted(weights: dict[str, float], kind: str, subtype: str) -> float:
    """Return the weight of the most exact range that holds a type."""
    for name in (f"{kind}/{subtype}", f"{kind}/*", "*/*"):
        if name in weights:
            return weights[name]
    return 0.0


def _weight(options: Sequence[str]) -> float:
    for option in options:
        if option.startswith("q="):
            try:
                return float(option[2:])
            except ValueError:
                return 0.0
    return 1.0


def rows_of(answer: Answer) -> tuple[Sequence[Any], Sequence[Any] | None]:
    """Return predictions and probabilities, one a row, of an answer that may be a text already."""
    if answer.text is None:
        return answer.predictions, answer.probabilities
    said = orjson.loads(answer.text)
    if "prediction" in said:
        chances = said.get("probabilities")
        return [said["prediction"]], None if chances is None else [chances]
    predictions = said["predictions"] if "predictions" in said else said["outputs"]
    return predictions, said.get("probabilities")
