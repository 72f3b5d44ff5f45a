"""Answers to tensors: those that were asked for, as JSON or as binary data."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from models.schema import OutputSchema
from service.batching.answer import Answer
from service.catalogue import ServedVersion
from service.codecs.flags import Warnings
from service.errors import Internal, Unfit
from service.protocols.v2.about import PREDICT, PROBABILITIES, output_datatype
from service.protocols.v2.requests import Asked, switch, whole_number
from service.protocols.v2.tensors import NAME_CHARS, Tensor


class Wanted(NamedTuple):
    """An output as it shall be sent."""

    name: str
    binary: bool
    best: int = 0
    """How many of the best classes to tell, in words; 0 for the numbers themselves."""


def wanted_outputs(served: ServedVersion, asked: Asked) -> tuple[Wanted, ...]:
    """Return the outputs to send: all of them unless some are named.

    Raises:
        Unreadable: a parameter is not of its type.
        Unfit: the model has no such output.
    """
    known = [PREDICT, PROBABILITIES] if served.has_probabilities else [PREDICT]
    binary = switch(asked.head.parameters, "binary_data_output", asked.raw)
    if not asked.head.outputs:
        return tuple(Wanted(name, binary) for name in known)
    wanted = []
    for one in asked.head.outputs:
        if one.name not in known:
            name = one.name[:NAME_CHARS]
            raise Unfit(f"The model has no output {name!r}; it has {', '.join(known)}.")
        best = whole_number(one.parameters, "classification")
        if best and one.name != PROBABILITIES:
            raise Unfit(f"Classification is of {PROBABILITIES}; {one.name} is no row of classes.")
        wanted.append(Wanted(one.name, switch(one.parameters, "binary_data", binary), best))
    return tuple(wanted)


def answer_tensors(output: OutputSchema, answer: Answer, wanted: Sequence[Wanted]) -> list[Tensor]:
    """Return the wanted outputs of an answer."""
    predictions, chances = answer.predictions, answer.probabilities
    if answer.text is not None:  # written by the worker, for a picture
        said = orjson.loads(answer.text)
        predictions, chances = said["predictions"], said.get("probabilities")
    return [
        _predictions(output, predictions)
        if one.name == PREDICT
        else _probabilities(output, chances, one.best)
        for one in wanted
    ]


def warning_parameters(warnings: Warnings) -> dict[str, str | int]:
    """Return what is to be told of the rows: parameters are plain, so the list is JSON in one."""
    told: dict[str, str | int] = {"warnings": orjson.dumps(warnings.told()).decode()}
    if warnings.left_out:
        told["warnings_left_out"] = warnings.left_out
    return told


def _predictions(output: OutputSchema, predictions: Sequence[Any]) -> Tensor:
    datatype, rows = output_datatype(output), len(predictions)
    if output.width is None:
        return Tensor(PREDICT, datatype, (rows,), list(predictions))
    flat = [value for row in predictions for value in row]
    return Tensor(PREDICT, datatype, (rows, output.width), flat)


def _probabilities(
    output: OutputSchema, chances: Sequence[Sequence[float]] | None, best: int
) -> Tensor:
    if chances is None:
        raise Internal("The probabilities are missing.")
    classes = output.classes or ()
    if not best:
        flat = [chance for row in chances for chance in row]
        return Tensor(PROBABILITIES, "FP64", (len(chances), len(classes)), flat)
    best = min(best, len(classes))
    words = [
        f"{row[i]}:{i}:{classes[i]}"
        for row in chances
        for i in sorted(range(len(classes)), key=row.__getitem__, reverse=True)[:best]
    ]
    return Tensor(PROBABILITIES, "BYTES", (len(chances), best), words)
