"""Pieces of an answer to one answer, written as they come; and where in the whole an error is."""

from collections.abc import Callable
from typing import Protocol

import orjson

from service.catalogue import ServedVersion
from service.codecs.arrow_frames import END
from service.codecs.flags import MAX_WARNINGS
from service.errors import Detail, ServiceError
from service.inference.parts import Form, Piece

PLACES = {"rows": "Row", "lines": "Line"}
"""What a location begins with, and how the sentence does that goes with it."""


class Joiner(Protocol):
    """Joins the pieces of one form."""

    def piece(self, piece: Piece, first_row: int) -> bytes:
        """Return what is written for the next piece, whose rows begin at `first_row`."""

    def ending(self) -> bytes:
        """Return what is written behind the last."""


class JsonJoiner:
    """Joins elements of `predictions`; the warnings of all pieces stand behind them."""

    def __init__(self, served: ServedVersion) -> None:
        self._before = served.encoder.opening() + b"["
        self._warnings: list[dict[str, int | str]] = []
        self._left_out = 0

    def piece(self, piece: Piece, first_row: int) -> bytes:
        """Return the elements, and what stands before them."""
        room = MAX_WARNINGS - len(self._warnings)
        for told in piece.warnings[:room]:
            self._warnings.append(told | {"row": int(told["row"]) + first_row})
        self._left_out += piece.left_out + max(len(piece.warnings) - room, 0)
        before, self._before = self._before, b","
        return before + piece.data

    def ending(self) -> bytes:
        """Return the other keys."""
        told = b""
        if self._warnings:
            told = b',"warnings":' + orjson.dumps(self._warnings)
        if self._left_out:
            told += b',"warnings_left_out":%d' % self._left_out
        return b"]" + told + b"}"


class PlainJoiner:
    """Joins pieces that need nothing between them.

    Args:
        ending: what stands behind the last.
    """

    def __init__(self, ending: bytes) -> None:
        self._ending = ending

    def piece(self, piece: Piece, first_row: int) -> bytes:
        """Return the piece."""
        del first_row
        return piece.data

    def ending(self) -> bytes:
        """Return the end."""
        return self._ending


def joiner(form: Form, served: ServedVersion) -> Joiner:
    """Return what joins the pieces of a form."""
    makers: dict[Form, Callable[[], Joiner]] = {
        Form.JSON: lambda: JsonJoiner(served),
        Form.CSV: lambda: PlainJoiner(b""),
        Form.ARROW: lambda: PlainJoiner(END),
    }
    return makers[form]()


def in_whole(error: ServiceError, rows: int, lines: int) -> ServiceError:
    """Return the error of a part with its places counted from the body's beginning.

    Args:
        error: as the worker tells it.
        rows: how many rows came before the part.
        lines: how many lines did.
    """
    before = {"rows": rows, "lines": lines}
    message, details = error.message, list[Detail]()
    for detail in error.details:
        root, *place = detail["loc"]
        if root in before and place and isinstance(place[0], int):
            told, moved = f"{PLACES[str(root)]} {place[0]}", place[0] + before[str(root)]
            if message.startswith(told) and not details:
                message = f"{PLACES[str(root)]} {moved}{message.removeprefix(told)}"
            detail = Detail(loc=[root, moved, *place[1:]], message=detail["message"])  # noqa: PLW2901
        details.append(detail)
    return type(error)(message, details, code=error.word)
