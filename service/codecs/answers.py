"""Predictions to JSON, in the form that the request had."""

from typing import Any

import orjson

from models.manifest import Manifest
from service.codecs.array_text import array_text
from service.codecs.flags import Warnings
from service.codecs.json_rows import Form


class AnswerEncoder:
    """Writes the answers of one model version.

    Args:
        manifest: the version's manifest; what never changes is written once, here.
    """

    def __init__(self, manifest: Manifest) -> None:
        head = orjson.dumps({"model": manifest.name, "version": manifest.version})[:-1]
        classes = orjson.dumps(list(manifest.output.classes or ()))
        self._keys: dict[Form, bytes] = {
            "instance": head + b',"prediction":',
            "instances": head + b',"predictions":',
            "inputs": head + b',"outputs":',
        }
        self._classes = b',"classes":' + classes + b',"probabilities":'
        self._plain: dict[Form, tuple[bytes, bytes]] = {}
        self._frames: dict[Form, tuple[bytes, bytes, bytes]] = {}
        for form, key in self._keys.items():
            opening, closing = (b"", b"") if form == "instance" else (b"[", b"]")
            self._plain[form] = key + opening, closing + b"}"
            between = closing + self._classes + opening + b"["
            self._frames[form] = key + opening, between, b"]" + closing + b"}"

    def opening(self) -> bytes:
        """Return what stands before the predictions of an answer that is written in pieces."""
        return self._keys["instances"]

    def assemble(
        self, predictions: bytes, probabilities: bytes | None, warnings: Warnings | None
    ) -> bytes:
        """Return the body of an answer to many rows whose lists are written already."""
        parts = [self._keys["instances"], predictions]
        if probabilities is not None:
            parts += (self._classes, probabilities)
        return _closed(parts, warnings)

    def join(
        self,
        form: Form,
        predictions: bytes,
        chances: bytes | None,
        warnings: Warnings | None = None,
    ) -> bytes:
        """Return the body of an answer whose rows are JSON already; as `encode` writes it.

        Args:
            form: the request's form; "instance" answers its one row alone.
            predictions: of all rows, without the brackets around them.
            chances: the probabilities of all rows, without the two brackets around them; None if
                they were not asked for.
            warnings: what is to be told of the rows.
        """
        if chances is None:
            opening, closing = self._plain[form]
            text = b"%b%b%b" % (opening, predictions, closing)
        else:
            opening, middle, closing = self._frames[form]
            text = b"%b%b%b%b%b" % (opening, predictions, middle, chances, closing)
        return text if warnings is None else _closed([text[:-1]], warnings)

    def encode(
        self,
        form: Form,
        predictions: Any,
        probabilities: Any,
        warnings: Warnings | None = None,
    ) -> bytes:
        """Return the body of an answer.

        Args:
            form: the request's form; "instance" answers the first row alone.
            predictions: a sequence of a label or value a row, as JSON knows them, or an array of
                them, in C order.
            probabilities: a sequence of float64 a row, or a float64 array of shape
                (rows, classes), in C order; None if they were not asked for.
            warnings: what is to be told of the rows.
        """
        single = form == "instance"
        parts = [
            self._keys[form],
            array_text(predictions[0] if single else predictions),
        ]
        if probabilities is not None:
            parts += (
                self._classes,
                array_text(probabilities[0] if single else probabilities),
            )
        return _closed(parts, warnings)


def _closed(parts: list[bytes], warnings: Warnings | None) -> bytes:
    if warnings is not None:
        parts += (b",", orjson.dumps(warnings.keys())[1:-1])
    parts.append(b"}")
    return b"".join(parts)
