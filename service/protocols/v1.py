"""The V1 protocol, of TF Serving's and KServe's clients, and other media types by its paths."""

from collections.abc import Mapping

from models.store import PRODUCTION
from service.batching.entry import Answer, Payload
from service.catalogue import Catalogue, ServedVersion
from service.codecs.csv_answers import encode_csv
from service.codecs.partial_answers import partial_csv
from service.errors import ServiceError, Unfit, Unreadable, UnsupportedMedia
from service.inference.messages import Media
from service.protocols.http import JSON, Headers, Reply, error_reply, read_options
from service.protocols.media import (
    CSV,
    NPY,
    media_type,
    prefers_csv,
    rows_of,
    table_question,
    table_reader,
)
from service.protocols.predictions import Question, Written

OPTIONS = frozenset({"probabilities"})
OPTIONS_V1 = OPTIONS | {"partial"}
PICTURES = (b"image/png", b"image/jpeg")
# The last is what `curl -d` says when it is told nothing else.
JSON_NAMES = (JSON, b"application/x-www-form-urlencoded")
SMALL_PICTURES_BYTES = 1 << 20
"""Up to this size a request's pictures share a batch with others."""
JSON_HEADERS = [(b"content-type", JSON)]
CSV_HEADERS = [(b"content-type", b"text/csv; charset=utf-8; header=present")]
AS_CSV = "csv"
"""The form of a question whose answer shall be CSV."""
_SWITCH = {"true": True, "1": True, "": True, "false": False, "0": False}


class PredictV1:
    """Reads and writes V1 requests.

    Args:
        inline_body_bytes: bodies of tables up to this size are read by the API process.
    """

    def __init__(self, inline_body_bytes: int) -> None:
        self._inline_body_bytes = inline_body_bytes

    def read(self, served: ServedVersion, query: bytes, headers: Headers, body: bytes) -> Question:
        """Return what is asked.

        Raises:
            Unreadable: the body or an option cannot be read.
            Unfit: it does not fit the model.
            UnsupportedMedia: it is of a kind that the model does not take.
        """
        probabilities = False
        if query:
            probabilities, partial = _switches(query, served, OPTIONS_V1)
            if partial:
                return _partial_question(served, probabilities, headers, body)
        accept = headers.get(b"accept")
        as_csv = AS_CSV if accept and b"csv" in accept and prefers_csv(accept) else None
        kind = headers.get(b"content-type", JSON).partition(b";")[0].strip().lower()
        if kind in JSON_NAMES:
            if served.pack is None:
                rows = body.count(b'"b64"') or 1
                joins = len(body) <= SMALL_PICTURES_BYTES
                payload = Payload(rows, None, body, Media.JSON, joins)
                return Question(payload, probabilities, as_csv or "instances")
            if len(body) > self._inline_body_bytes:
                # Reading it here would hold up everybody else.
                payload = Payload(1, None, body, Media.JSON, joins=False)
                return Question(payload, probabilities, as_csv or "instances")
            form, table, _ = served.requests.parse(body)
            cells = served.pack(table)
            return Question(Payload(cells.rows, cells), probabilities, as_csv or form)
        if kind in PICTURES and served.pack is None:
            joins = len(body) <= SMALL_PICTURES_BYTES
            payload = Payload(1, None, body, Media.IMAGE, joins)
            return Question(payload, probabilities, as_csv or "instance")
        read = table_reader(served, kind, headers, body)
        if read is not None:
            aside = len(body) > self._inline_body_bytes
            return table_question(read, probabilities, as_csv or "instances", aside=aside)
        taken = [JSON, CSV, NPY] if served.tabular else [JSON, *PICTURES]
        names = ", ".join(name.decode() for name in taken)
        raise UnsupportedMedia(f"{served.manifest.name} takes {names}; say so by Content-Type.")

    def write(self, served: ServedVersion, question: Question, answer: Answer) -> Written:
        """Return the answer in the request's form, or as CSV."""
        if question.form is AS_CSV:
            if question.payload.partial:
                table = partial_csv(served.manifest.output, answer.text or b"{}")
                return Written(table, CSV_HEADERS)
            table = encode_csv(served.manifest.output, *rows_of(answer))
            return Written(table, CSV_HEADERS)
        text = answer.text
        if text is None:
            text = served.encoder.encode(
                question.form,
                answer.predictions,
                answer.probabilities,
                question.payload.warnings,
            )
        return Written(text, JSON_HEADERS)

    def refuse(self, error: ServiceError, id_: bytes) -> Reply:
        """Return the answer that an error is: code and words, nothing of the inside."""
        return error_reply(error, id_)


def _partial_question(
    served: ServedVersion, probabilities: bool, headers: Headers, body: bytes
) -> Question:
    """Return what is asked; a worker reads the rows, as it must tell of those that fail."""
    kind = media_type(headers)
    if kind in JSON_NAMES:
        media = Media.JSON
    elif kind in PICTURES and served.pack is None:
        media = Media.IMAGE
    elif table_reader(served, kind, headers, body) is not None:
        media = Media.CSV if kind == CSV else Media.NPY
    else:
        text = "With partial=true a table comes as JSON, CSV or npy, a picture as PNG or JPEG."
        raise UnsupportedMedia(text)
    form = AS_CSV if prefers_csv(headers.get(b"accept", b"")) else "instances"
    payload = Payload(1, None, body, media, joins=False, partial=True)
    return Question(payload, probabilities, form)


def predict_paths(catalogue: Catalogue) -> dict[str, ServedVersion]:
    """Return every path that means a served version."""
    paths = {}
    for name, model in catalogue.models.items():
        root = f"/v1/models/{name}"
        for version, served in model.served.items():
            paths[f"{root}/versions/{version}:predict"] = served
        for alias, version in model.effective.items():
            paths[f"{root}/labels/{alias}:predict"] = model.served[version]
        production = model.effective.get(PRODUCTION)
        if production is not None:
            paths[f"{root}:predict"] = model.served[production]
    return paths


def wants_probabilities(query: bytes, served: ServedVersion) -> bool:
    """Return what the query says of probabilities.

    Raises:
        Unreadable: it has an option that nobody knows, or a value that is none.
        Unfit: the model has no probabilities.
    """
    return _switches(query, served, OPTIONS)[0]


def _switches(query: bytes, served: ServedVersion, known: frozenset[str]) -> tuple[bool, bool]:
    """Return what the query says of probabilities, and of answers in part; raises as above."""
    wanted, partial = query == b"probabilities=true", False
    if not wanted:
        options = read_options(query, known)
        wanted = _switch("probabilities", options)
        partial = _switch("partial", options)
    if wanted and not served.has_probabilities:
        raise Unfit(f"{served.manifest.name} has no probabilities.", code="no_probabilities")
    return wanted, partial


def _switch(name: str, options: Mapping[str, str]) -> bool:
    said = _SWITCH.get(options.get(name, "false").lower())
    if said is None:
        raise Unreadable(f"{name} is true or false.", code="unknown_option")
    return said
