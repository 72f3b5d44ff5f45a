"""The time of a request over its rows, 1 to 1,000,000."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from loadtest.bench.asking import Asking, batches_of
from loadtest.bench.cells import FORM_WORDS, Form
from loadtest.bench.growth.results import Curve, slope
from loadtest.bench.growth.serving import serving, timed, wait_right
from loadtest.bench.shelf import Shelf, Stored
from loadtest.oracle import right_answers
from loadtest.payload import Answer

MODEL: Final = "iris"
_MOST_WHOLE: Final = 100_000
"""Rows of a body that is read whole, by the service's default; Arrow streams and may be longer."""
SIZES: Final[dict[Form, tuple[int, ...]]] = {
    "json": (1, 10, 100, 1_000, 10_000, _MOST_WHOLE),
    "npy": (1, 10, 100, 1_000, 10_000, _MOST_WHOLE),
    "arrow": (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000),
}
_FITTED_FROM: Final = 1_000
_TILE: Final = 1_000


def rows_curves(
    shelf: Shelf, workers: int, seconds: float, folder: Path, tell: Callable[[str], None]
) -> Iterator[tuple[str, Curve]]:
    """Yield a curve a form of body.

    Raises:
        ChildError: the service does not start, or an answer is not right.
    """
    whole = shelf.stored(MODEL)
    # With probabilities, which stand behind all predictions, JSON could not stream back.
    stored = Stored(replace(whole.artefact, probabilities=False), whole.rows)
    answers = right_answers(stored.artefact, [stored.rows[:_TILE]], probabilities=False).answers
    with serving(shelf.store(MODEL), workers, folder) as server:
        wait_right(server, _asking(stored, "json", 1, answers[0]).of_percore(server.address)[0])
        for form, sizes in SIZES.items():
            points = []
            for rows in sizes:
                tell(f"{rows:,} rows as {FORM_WORDS[form]}")
                request = _asking(stored, form, rows, answers[0]).of_percore(server.address)[0]
                points.append(timed(server, request, rows, seconds))
            yield (
                f"rows-{form}",
                Curve(
                    grows=f"rows, as {FORM_WORDS[form]}",
                    measured="time of a request",
                    unit="s",
                    points=points,
                    fitted_from=_FITTED_FROM,
                    slope=slope(points, _FITTED_FROM),
                    note=f"{MODEL}, predictions alone, one client that waits for its answer",
                ),
            )


def _asking(stored: Stored, form: Form, rows: int, tile: Answer) -> Asking:
    """Return one request of the first rows, again and again; so are its right answers."""
    batches = batches_of(stored.rows[:_TILE], rows, 1)
    return Asking(stored, form, batches, [tiled(tile, rows)])


def tiled(tile: Answer, rows: int) -> Answer:
    """Return an answer's rows, again and again until there are so many."""
    times = -(-rows // len(tile.predictions))
    probabilities = tile.probabilities
    return Answer(
        predictions=(tile.predictions * times)[:rows],
        classes=tile.classes,
        probabilities=None if probabilities is None else (probabilities * times)[:rows],
    )
