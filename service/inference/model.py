"""A loaded model: from a batch's payload to its answers."""

from collections.abc import Callable, Sequence
from itertools import accumulate, repeat
from time import perf_counter_ns
from typing import Any, NamedTuple, cast

import numpy as np
import orjson

from models.manifest import Manifest
from models.schema import TabularSchema
from models.tables import Matrix, take_rows
from service.codecs.answers import AnswerEncoder
from service.codecs.cells import CellPacker
from service.codecs.flags import Warnings
from service.codecs.json_rows import Form, JsonRows
from service.codecs.partial_answers import FAILED, NOT_FINITE, UNDECIDED, PartialAnswer
from service.codecs.partial_rows import PartialRows, RowError, Sieved, moved
from service.errors import Internal, ServiceError, to_wire
from service.inference.inputs import InputBuilder, as_batch
from service.inference.messages import (
    BatchResult,
    Media,
    PredictBatch,
    PredictEntry,
    ResultEntry,
    Status,
)
from service.inference.part_model import PartModel
from service.inference.pictures import PictureReader
from service.inference.plain_tables import PlainTables, is_plain
from service.inference.plans import InUse
from service.inference.predictor import Estimator, Prediction, Predictor
from service.inference.search import search
from service.inference.shown import Shown


class Read(NamedTuple):
    """A body that was parsed: the form of its answer, and its part of X."""

    form: Form
    X: Matrix
    warnings: Warnings | None = None


class Model:
    """Answers batches of one model version; whatever is wrong with one entry is its answer alone.

    Args:
        estimator: as loaded from the artefact.
        manifest: the version's manifest.
        max_rows: the most instances in one request.
        max_pixels: the largest picture.
        plan: the forms that compute it; scikit-learn alone if left out.
    """

    def __init__(
        self,
        estimator: Estimator,
        manifest: Manifest,
        max_rows: int,
        max_pixels: int,
        plan: InUse | None = None,
    ) -> None:
        self.predictor = self._predictor = Predictor(
            estimator, manifest.output, plan.steps if plan else (), plan.limit if plan else 0.0
        )
        self.manifest = manifest
        self._shown = Shown(manifest.output)
        self._max_rows = max_rows
        self._plain: PlainTables | None = None
        self._json = JsonRows(manifest, max_rows)
        self._encoder = AnswerEncoder(manifest)
        self._tabular = isinstance(manifest.input, TabularSchema)
        partial = PartialRows(self._json, manifest.input, max_rows)
        self._sieves = {
            Media.JSON: partial.from_json,
            Media.IMAGE: partial.from_picture,
            Media.CSV: partial.from_csv,
            Media.NPY: partial.from_npy,
        }
        if isinstance(manifest.input, TabularSchema):
            if is_plain(manifest.input):
                self._plain = PlainTables(len(manifest.input.columns), max_rows)
            self._packer = CellPacker(manifest.input)
            self._inputs = InputBuilder(manifest.input)
        else:
            self._pictures = PictureReader(estimator, manifest.input, max_pixels)
        self._parts = PartModel(
            manifest,
            self._json,
            self._plain,
            self._predictor,
            self._read_pictures,
            max_rows,
        )

    def answer(self, batch: PredictBatch) -> BatchResult:
        """Compute a batch, whichever of its kinds it is."""
        if batch.entries[0].media is Media.CELLS:
            return self._answer_cells(batch)
        if batch.entries[0].media is Media.PART:
            return self._parts.answer(batch)
        if batch.entries[0].search_s:
            return self._answer_in_part(batch)
        return self._answer_bodies(batch)

    def _answer_cells(self, batch: PredictBatch) -> BatchResult:
        started = perf_counter_ns()
        wanted = any(entry.probabilities for entry in batch.entries)
        X = self._inputs.build(batch)
        built = perf_counter_ns()
        whole = self._predictor.predict_whole(X, wanted)
        if isinstance(whole, Prediction):
            predicted = perf_counter_ns()
            result = _whole(batch, whole)
        else:
            spans = _spans([entry.rows for entry in batch.entries])
            outcomes: list[Prediction | ServiceError] = [whole]
            if len(spans) > 1:
                outcomes = self._predictor.predict_each(X, spans, wanted)
            predicted = perf_counter_ns()
            result = _merge(batch.batch, outcomes, spans)
        result.predict_ns = predicted - built
        result.other_ns = perf_counter_ns() - predicted + built - started
        return result

    def _answer_bodies(self, batch: PredictBatch) -> BatchResult:
        """Parse each body here, predict all together, and write each answer's JSON."""
        started = perf_counter_ns()
        reads = [self._read(entry) for entry in batch.entries]
        good = [read for read in reads if isinstance(read, Read)]
        built = perf_counter_ns()
        outcomes: Sequence[Prediction | ServiceError] = []
        if good:
            wanted = any(entry.probabilities for entry in batch.entries)
            # Pictures are lists and join; a table that came as a body travels alone.
            X = good[0].X if len(good) == 1 else _joined(good)
            outcomes = self._predictor.predict_spans(
                X, _spans([len(read.X) for read in good]), wanted
            )
        predicted = perf_counter_ns()
        each = iter(outcomes)
        entries = [
            self._written(entry, read, next(each)) if isinstance(read, Read) else _refused(read)
            for entry, read in zip(batch.entries, reads, strict=True)
        ]
        result = BatchResult(batch.batch, entries)
        result.predict_ns = predicted - built
        result.other_ns = perf_counter_ns() - predicted + built - started
        return result

    def _read(self, entry: PredictEntry) -> Read | ServiceError:
        try:
            if entry.media is Media.IMAGE:
                return Read("instance", [self._pictures.one(entry.body)])
            body = bytes(entry.body)
            if self._plain is not None and (numbers := self._plain.read(body)) is not None:
                return Read("instances", self._inputs.from_numbers(numbers))
            form, rows, pictures = self._json.parse(body)
            if self._tabular:
                cells = self._packer.pack(rows)
                return Read(form, self._inputs.build(as_batch(cells)), cells.warnings)
            return Read(form, self._pictures.many(form, pictures))
        except ServiceError as error:
            return error
        except Exception:
            # A defect of ours must not end the worker: the request's neighbours are innocent.
            return Internal("The request could not be read.")

    def _read_pictures(self, media: Media, body: bytes) -> tuple[Form, Matrix]:
        if media is Media.IMAGE:
            return "instance", [self._pictures.one(body)]
        form, _, pictures = self._json.parse(body)
        return form, self._pictures.many(form, pictures)

    def _written(
        self, entry: PredictEntry, read: Read, outcome: Prediction | ServiceError
    ) -> ResultEntry:
        if isinstance(outcome, ServiceError):
            return _refused(outcome)
        predictions = self._shown.for_json(outcome)
        chances = outcome.probabilities if entry.probabilities else None
        if chances is not None:
            chances = np.ascontiguousarray(chances)
        text = self._encoder.encode(read.form, predictions, chances, read.warnings)
        return ResultEntry(len(read.X), Status.TEXT, text)

    def _answer_in_part(self, batch: PredictBatch) -> BatchResult:
        """Answer the rows that can be answered, and tell of the others; it is alone in its batch.

        Its whole time counts as the prediction's: how much of it was reading says little here.
        """
        started = perf_counter_ns()
        (entry,) = batch.entries
        until = started + entry.search_s * 1e9
        try:
            answer = self._in_part(entry, lambda: perf_counter_ns() > until)
        except ServiceError as error:
            answer = _refused(error)
        except Exception:
            answer = _refused(Internal("The request could not be read."))
        return BatchResult(batch.batch, [answer], predict_ns=perf_counter_ns() - started)

    def _in_part(self, entry: PredictEntry, is_over: Callable[[], bool]) -> ResultEntry:
        sieved = self._sieves[entry.media](bytes(entry.body))
        answer = PartialAnswer(sieved, probabilities=entry.probabilities)
        warnings: Warnings | None = None
        if self._tabular:
            X: Matrix = []
            good = sieved.places
            if sieved.rows:
                cells = self._packer.pack(sieved.rows)
                X = self._inputs.build(as_batch(cells))
                warnings = cells.warnings and moved(cells.warnings, good)
        else:
            X, good = self._good_pictures(sieved, answer, is_over)

        def ask(start: int, stop: int) -> Prediction:
            return self._predictor.predict(take_rows(X, slice(start, stop)), entry.probabilities)

        found = search(len(good), ask, is_over)
        for start, outcome in found.answers:
            self._put(answer, good[start:], outcome)
        for row in found.failed:
            answer.fail(good[row], FAILED)
        for row in found.undecided:
            answer.fail(good[row], UNDECIDED)
        return ResultEntry(sieved.rows_given, Status.TEXT, answer.text(self._encoder, warnings))

    def _put(self, answer: PartialAnswer, places: Sequence[int], outcome: Prediction) -> None:
        predictions, finite = self._shown.listed(outcome), outcome.finite_rows().tolist()
        chances = outcome.probabilities
        shown = repeat(None) if chances is None else chances.tolist()
        # There are more places than predictions: what follows them are other answers.
        for place, one, likely, is_finite in zip(places, predictions, shown, finite):  # noqa: B905
            if is_finite:
                answer.put(place, one, likely)
            else:
                answer.fail(place, NOT_FINITE)

    def _good_pictures(
        self, sieved: Sieved, answer: PartialAnswer, is_over: Callable[[], bool]
    ) -> tuple[list[Any], list[int]]:
        """Return the pictures that can be read, and the rows in which they stood."""
        pictures, rows = [], []
        for row, data in zip(sieved.places, sieved.pictures, strict=True):
            try:
                if is_over():
                    answer.fail(row, UNDECIDED)
                    continue
                pictures.append(self._pictures.one(data))
                rows.append(row)
            except ServiceError as error:
                answer.refuse(RowError(row, error.word, error.message, [*sieved.loc(row), "b64"]))
        return pictures, rows


def _joined(reads: Sequence[Read]) -> list[Any]:
    """Return the pictures of several bodies."""
    return [picture for read in reads for picture in cast("Sequence[Any]", read.X)]


def _spans(rows: list[int]) -> list[tuple[int, int]]:
    ends = accumulate(rows)
    return [(end - count, end) for count, end in zip(rows, ends, strict=True)]


def _whole(batch: PredictBatch, answer: Prediction) -> BatchResult:
    """Return the answer of all entries, none of which failed."""
    entries = [ResultEntry(entry.rows, Status.ROWS, b"") for entry in batch.entries]
    result = BatchResult(batch.batch, entries)
    first = answer.values
    if first is None:
        first = answer.labels
        result.labels = answer.labels.tobytes()  # type: ignore[union-attr]
    else:
        result.values = first.tobytes()
    result.width = first.shape[1] if first is not None and first.ndim == 2 else 0
    if answer.probabilities is not None:
        result.probabilities = answer.probabilities.tobytes()
        result.classes = answer.probabilities.shape[1]
    return result


def _merge(
    batch: int, outcomes: Sequence[Prediction | ServiceError], spans: list[tuple[int, int]]
) -> BatchResult:
    """Join the arrays of all entries that have an answer."""
    good = [one for one in outcomes if isinstance(one, Prediction)]
    entries = [
        ResultEntry(stop - start, Status.ROWS, b"")
        if isinstance(outcome, Prediction)
        else _refused(outcome)
        for outcome, (start, stop) in zip(outcomes, spans, strict=True)
    ]
    result = BatchResult(batch, entries)
    result.labels = b"".join([one.labels.tobytes() for one in good if one.labels is not None])
    values = [one.values for one in good if one.values is not None]
    result.values = b"".join([one.tobytes() for one in values])
    if good:
        first = good[0].labels if good[0].values is None else good[0].values
        result.width = first.shape[1] if first is not None and first.ndim == 2 else 0
    chances = [one.probabilities for one in good if one.probabilities is not None]
    if chances:
        result.probabilities = b"".join([one.tobytes() for one in chances])
        result.classes = chances[0].shape[1]
    return result


def _refused(error: ServiceError) -> ResultEntry:
    return ResultEntry(0, Status.ERROR, orjson.dumps(to_wire(error)))
