"""Held-out pictures: some that the model knows, and those that it takes for something else."""

import io
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from PIL import Image

from models.pictures import opened
from models.report.judged import Judged, as_frame
from models.report.numbers import count, percent, say
from models.report.section import Block, Section, Shots, Words
from models.rows import Array

MOST: Final = 24
SIDE_PIXELS: Final = 72


def pictures_section(judged: Judged) -> Section:
    """Return samples and mistakes; nothing if the rows are no pictures."""
    if as_frame(judged.X) is not None or not isinstance(judged.X, np.ndarray):
        return Section("pictures", "Pictures")
    if not isinstance(judged.X[0], bytes | Image.Image):
        return Section("pictures", "Pictures")
    if not judged.classes:
        return Section("pictures", "Pictures", (_values(judged, judged.X),))
    right = np.flatnonzero(judged.actual == judged.predicted)
    wrong = np.flatnonzero(judged.actual != judged.predicted)
    spread = right[np.linspace(0, len(right) - 1, min(len(right), MOST)).astype(int)]
    blocks: list[Block] = []
    if len(spread):
        words = f"{len(spread)} of {count(len(right), 'picture')} that it knows."
        blocks.append(Shots(_shots(judged.X, spread, _answers(judged)), words))
    worst = _most_certain_first(judged, wrong)[:MOST]
    if len(worst):
        words = f"{len(worst)} of {count(len(wrong), 'picture')} that it takes for something else"
        words += ", those that it is surest of first." if judged.probabilities is not None else "."
        blocks.append(Shots(_shots(judged.X, worst, _answers(judged)), words))
    else:
        blocks.append(Words("It takes none of the held-out pictures for something else."))
    return Section("pictures", "Pictures", tuple(blocks))


def _values(judged: Judged, X: Array) -> Shots:
    error = np.abs(judged.actual - judged.predicted)
    worst = np.argsort(-error, kind="stable")[:MOST]
    lines = [
        f"{say(actual)} → {say(said)}"
        for actual, said in zip(judged.actual, judged.predicted, strict=True)
    ]
    words = "The pictures with the largest errors: actual → predicted."
    return Shots(_shots(X, worst, lines), words)


def _most_certain_first(judged: Judged, wrong: Array) -> Array:
    if judged.probabilities is None:
        return wrong
    certain = judged.probabilities[wrong, judged.predicted[wrong]]
    return wrong[np.argsort(-certain, kind="stable")]


def _answers(judged: Judged) -> list[str]:
    lines = []
    for row, (actual, said) in enumerate(zip(judged.actual, judged.predicted, strict=True)):
        line = judged.classes[said]
        if actual != said:
            line = f"{judged.classes[actual]} → {line}"
        if judged.probabilities is not None:
            line += f" ({percent(round(float(judged.probabilities[row, said]), 3))})"
        lines.append(line)
    return lines


def _shots(X: Array, rows: Array, lines: Sequence[str]) -> tuple[tuple[bytes, str], ...]:
    return tuple((_thumbnail(X[row]), lines[row]) for row in rows)


def _thumbnail(picture: Any) -> bytes:
    image = opened(picture)
    values = np.asarray(image)
    if values.dtype == np.uint16 or image.mode.startswith("I"):
        image = Image.fromarray((values // 257).astype(np.uint8))
    image = image.convert("RGB" if image.mode not in {"L", "1"} else "L")
    scale = SIDE_PIXELS / max(image.size)
    size = [max(1, round(side * scale)) for side in image.size]
    way = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX
    buffer = io.BytesIO()
    image.resize((size[0], size[1]), way).save(buffer, format="PNG")
    return buffer.getvalue()
