"""What SageMaker, MLflow and Vertex AI ask of a container: one path, and one model behind it."""

from functools import partial

import orjson

from service.batching.entry import Answer
from service.catalogue import Catalogue, ServedVersion
from service.codecs.csv_answers import encode_csv
from service.errors import ServiceError, Unreadable
from service.protocols.http import Headers, Reply, error_reply
from service.protocols.media import (
    CSV,
    media_type,
    prefers_csv,
    read_payload,
    rows_of,
    table_question,
)
from service.protocols.predictions import Question, Written
from service.protocols.v1 import AS_CSV, JSON_HEADERS, JSON_NAMES, PredictV1, wants_probabilities

PATH = "/invocations"
CSV_HEADERS = [(b"content-type", CSV)]


class DefaultModel:
    """Which model answers where the path names none.

    Args:
        name: the model, or "" if there is only one to be served.
        paths: where it answers.
    """

    def __init__(self, name: str, paths: tuple[str, ...]) -> None:
        self._name = name
        self.paths = paths

    def find(self, catalogue: Catalogue) -> ServedVersion:
        """Return the production version of the model.

        Raises:
            Unreadable: there are several, and none of them was made the default.
            NotFound: there is no such model.
            Unavailable: it is not loaded (yet).
        """
        if self._name:
            return catalogue.model(self._name).resolve()
        # Not those that are loaded: who answers must not depend on what was refused.
        names = sorted(name for name, model in catalogue.models.items() if model.wanted)
        if len(names) > 1:
            raise Unreadable(
                "The path names no model, and several are served: "
                f"{', '.join(names)}. Ask one of them at /v1/models/NAME:predict, or start the "
                "service with --default-model.",
                code="model_not_named",
            )
        return catalogue.model(names[0] if names else "").resolve()

    def served_paths(self, catalogue: Catalogue) -> dict[str, ServedVersion]:
        """Return the paths, if the model is served."""
        try:
            return dict.fromkeys(self.paths, self.find(catalogue))
        except ServiceError:
            return {}  # FastAPI's routes tell why


class Invocations:
    """Reads and writes scoring requests.

    Args:
        v1: reads everything that is no JSON for a table.
        inline_body_bytes: bodies up to this size are read at once, larger ones aside.
    """

    def __init__(self, v1: PredictV1, inline_body_bytes: int) -> None:
        self._v1 = v1
        self._inline_body_bytes = inline_body_bytes

    def read(self, served: ServedVersion, query: bytes, headers: Headers, body: bytes) -> Question:
        """Return what is asked.

        Raises:
            Unreadable: the body or an option cannot be read.
            Unfit: it does not fit the model.
            UnsupportedMedia: it is of a kind that the model does not take.
        """
        probabilities = bool(query) and wants_probabilities(query, served)
        rows, pack = served.rows, served.pack
        if rows is None or pack is None or media_type(headers) not in JSON_NAMES:
            return self._v1.read(served, query, headers, body)
        form = AS_CSV if prefers_csv(headers.get(b"accept", b"")) else None
        aside = len(body) > self._inline_body_bytes
        read = partial(read_payload, pack, rows.from_scoring_json, body)
        return table_question(read, probabilities, form, aside=aside)

    def write(self, served: ServedVersion, question: Question, answer: Answer) -> Written:
        """Return the answer as MLflow gives it; or as CSV without a header, a line a row.

        SageMaker joins the lines of many answers to one file, in which a header has no place.
        """
        output = served.manifest.output
        predictions, chances = rows_of(answer)
        if question.form is AS_CSV:
            return Written(encode_csv(output, predictions, chances, header=False), CSV_HEADERS)
        said: dict[str, object] = {"predictions": predictions}
        if chances is not None:
            said |= {"classes": list(output.classes or ()), "probabilities": chances}
        if question.payload.warnings is not None:
            said |= question.payload.warnings.keys()
        return Written(orjson.dumps(said), JSON_HEADERS)

    def refuse(self, error: ServiceError, id_: bytes) -> Reply:
        """Return the answer that an error is."""
        return error_reply(error, id_)
