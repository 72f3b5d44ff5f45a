"""What SageMaker, MLflow and Vertex AI ask of a container: one path, and one model behind it."""

from functools import partial

import orjson

from service.batching.answer import Answer
from service.batching.entry import Payload
from service.catalogue import Catalogue, ServedVersion
from service.codecs.csv_answers import encode_csv
from service.codecs.scoring_rows import SETTINGS, read_parameters, read_scoring_rows
from service.errors import ServiceError, Unfit, Unreadable
from service.inference.parts import Form
from service.protocols.http import Headers, Reply, error_reply
from service.protocols.media import (
    CSV,
    media_type,
    prefers_csv,
    rows_of,
    table_question,
)
from service.protocols.v1 import AS_CSV, JSON_HEADERS, JSON_NAMES, PredictV1, wants_probabilities
from service.protocols.wire import Question, Whole, Written

PATH = "/invocations"
PARAMETERS = b'"param'
"""No body without it has parameters."""
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


class Wish:
    """What an answer shall have; a body that is read later may still change it."""

    __slots__ = ("as_csv", "probabilities")

    def __init__(self, *, as_csv: bool, probabilities: bool) -> None:
        self.as_csv = as_csv
        self.probabilities = probabilities


class Invocations(Whole):
    """Reads and writes scoring requests.

    Args:
        v1: reads everything that is no JSON for a table.
        inline_body_bytes: bodies up to this size are read at once, larger ones aside.
    """

    def __init__(self, v1: PredictV1, inline_body_bytes: int) -> None:
        self._v1 = v1.bare()
        self._inline_body_bytes = inline_body_bytes

    def read(self, served: ServedVersion, query: bytes, headers: Headers, body: bytes) -> Question:
        """Return what is asked.

        Raises:
            Unreadable: the body or an option cannot be read.
            Unfit: it does not fit the model.
            UnsupportedMedia: it is of a kind that the model does not take.
        """
        probabilities = bool(query) and wants_probabilities(query, served)
        is_json = media_type(headers) in JSON_NAMES
        has_parameters = is_json and PARAMETERS in body
        if not is_json or not served.tabular:
            if has_parameters:
                body, asked = _without_parameters(body)
                if asked is not None:
                    query = b"probabilities=true" if asked else b""
            return self._v1.read(served, query, headers, body)
        as_csv = prefers_csv(headers.get(b"accept", b""))
        wish = Wish(as_csv=as_csv, probabilities=probabilities)
        aside = len(body) > self._inline_body_bytes
        read = partial(_read, served, wish, body)
        question = table_question(read, probabilities, wish, aside=aside)
        # What the parameters of a large body say is known once it was read: after this.
        perhaps = has_parameters and served.has_probabilities
        return question._replace(probabilities=wish.probabilities or perhaps)

    def write(self, served: ServedVersion, question: Question, answer: Answer) -> Written:
        """Return the answer as MLflow gives it; or as CSV without a header, a line a row.

        SageMaker joins the lines of many answers to one file, in which a header has no place.
        """
        if question.form is Form.ARROW:
            return self._v1.write(served, question, answer)
        output = served.manifest.output
        predictions, chances = rows_of(answer)
        as_csv = question.form is AS_CSV
        if isinstance(question.form, Wish):
            as_csv = question.form.as_csv
            chances = chances if question.form.probabilities else None
        if as_csv:
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


def _read(served: ServedVersion, wish: Wish, body: bytes) -> Payload:
    """Return the rows of a request for a table, and note what it wishes."""
    if served.rows is None or served.pack is None:
        raise Unfit(f"{served.manifest.name} takes no tables.")
    given = read_scoring_rows(body, served.rows.names)
    if given.probabilities is not None:
        wish.probabilities = given.probabilities
        if wish.probabilities and not served.has_probabilities:
            text = f"{served.manifest.name} has no probabilities."
            raise Unfit(text, code="no_probabilities")
    cells = served.pack(served.rows.check(given.rows))
    return Payload(cells.rows, cells)


def _without_parameters(body: bytes) -> tuple[bytes, bool | None]:
    """Return a body as V1 has it, and what its parameters say of probabilities.

    Raises:
        Unreadable: it is not JSON.
        Unfit: it has other parameters.
    """
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Unreadable("The body is not valid JSON.") from None
    if not isinstance(said, dict):
        return body, None
    asked = read_parameters(said)
    return orjson.dumps({key: said[key] for key in said if key not in SETTINGS}), asked
