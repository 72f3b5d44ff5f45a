"""The V1 protocol, of TF Serving's and KServe's clients, and other media types by its paths."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from models.store import PRODUCTION
from service.batching.answer import Answer
from service.batching.entry import Payload
from service.catalogue import Catalogue, ServedVersion
from service.codecs.cells import Cells, Row
from service.codecs.csv_answers import encode_csv
from service.codecs.partial_answers import partial_csv
from service.errors import ServiceError, Unfit, Unreadable, UnsupportedMedia
from service.inference.messages import Media
from service.inference.parts import Form
from service.protocols.http import JSON, Headers, Reply, error_reply, read_options
from service.protocols.media import (
    ARROW,
    CSV,
    NPY,
    answer_form,
    check_charset,
    media_type,
    part_question,
    prefers_csv,
    rows_of,
    table_question,
    table_reader,
)
from service.protocols.streaming import Streaming, answer_headers
from service.protocols.wire import Question, Written

OPTIONS = frozenset({"probabilities"})
OPTIONS_V1 = OPTIONS | {"partial"}
PICTURES = (b"image/png", b"image/jpeg")
# The last is what `curl -d` says when it is told nothing else.
JSON_NAMES = (JSON, b"application/x-www-form-urlencoded")
SMALL_PICTURES_BYTES = 1 << 20
"""Up to this size a request's pictures share a batch with others."""
JSON_ACCEPTS = frozenset({b"*/*", JSON})
"""What needs no closer look."""
JSON_HEADERS = [(b"content-type", JSON)]
STREAMED = {CSV: Media.CSV, ARROW: Media.ARROW}
CELLS = Media.CELLS
AS_CSV = "csv"
"""The form of a question whose answer shall be CSV."""
_new = tuple.__new__
_SWITCH = {"true": True, "1": True, "false": False, "0": False}


class PredictV1:
    """Reads and writes V1 requests.

    Args:
        inline_body_bytes: bodies of tables up to this size are read by the API process.
        bare_csv: an answer in CSV has neither a header nor a column of warnings; who writes it
            so is another protocol.
    """

    def __init__(self, inline_body_bytes: int, *, bare_csv: bool = False) -> None:
        self._inline_body_bytes = inline_body_bytes
        self._bare_csv = bare_csv

    def read(self, served: ServedVersion, query: bytes, headers: Headers, body: bytes) -> Question:
        """Return what is asked.

        Raises:
            Unreadable: the body or an option cannot be read.
            Unfit: it does not fit the model.
            UnsupportedMedia: it is of a kind that the model does not take.
        """
        probabilities = False
        if query:
            probabilities, partially = _switches(query, served, OPTIONS_V1)
            if partially:
                return _partial_question(served, probabilities, headers, body)
        kind = headers.get(b"content-type", JSON)
        if kind not in JSON_NAMES:
            kind = kind.partition(b";")[0].strip().lower()
        accept = headers.get(b"accept")
        as_csv = None
        if accept and accept not in JSON_ACCEPTS:
            form_wanted = answer_form(accept)
            as_csv = AS_CSV if form_wanted is Form.CSV else None
            if form_wanted is not Form.JSON and self._is_for_worker(served, form_wanted, body):
                media = _media_of(served, kind, headers, body)
                if media is not None:
                    return part_question(media, form_wanted, body, probabilities)
        if kind in JSON_NAMES:
            if served.pack is None:
                rows = body.count(b'"b64"') or 1
                joins = len(body) <= SMALL_PICTURES_BYTES
                payload = Payload(rows, None, body, Media.JSON, joins)
                return Question(payload, probabilities, as_csv or "instances")
            return self._of_table(served, served.pack, probabilities, as_csv, body)
        return self._of_other_media(served, headers, body, probabilities, as_csv)

    def reader(
        self, served: ServedVersion, query: bytes, headers: Headers
    ) -> Callable[[bytes], Question]:
        """Return what `read` is for this query and these headers; it may be kept.

        Raises:
            Unreadable: an option cannot be read.
            Unfit: the model has no probabilities.
        """
        probabilities, partially = False, False
        if query:
            probabilities, partially = _switches(query, served, OPTIONS_V1)
        is_json = headers.get(b"content-type", JSON) in JSON_NAMES
        accept = headers.get(b"accept")
        is_usual = is_json and (not accept or accept in JSON_ACCEPTS)
        if served.pack is None or partially or not is_usual:
            return partial(self.read, served, query, headers)
        return partial(self._of_table, served, served.pack, probabilities, None)

    def _of_table(
        self,
        served: ServedVersion,
        pack: Callable[[Sequence[Row]], Cells],
        probabilities: bool,
        as_csv: str | None,
        body: bytes,
    ) -> Question:
        """Return what JSON asks of a table."""
        if len(body) > self._inline_body_bytes:
            # Reading it here would hold up everybody else.
            payload = Payload(1, None, body, Media.JSON, joins=False)
            return Question(payload, probabilities, as_csv or "instances")
        form, table, _ = served.requests.parse(body)
        cells = pack(table)
        # What the named tuples' own constructors do, but for the calls.
        payload = _new(Payload, (cells.rows, cells, b"", CELLS, True, False))
        return _new(Question, (payload, probabilities, as_csv or form, None, None, None))

    def bare(self) -> "PredictV1":
        """Return one that reads for a protocol which writes CSV without a header or warnings."""
        return PredictV1(self._inline_body_bytes, bare_csv=True)

    def _of_other_media(
        self,
        served: ServedVersion,
        headers: Headers,
        body: bytes,
        probabilities: bool,
        as_csv: str | None,
    ) -> Question:
        """Return what a picture asks, or a table that is no JSON."""
        kind = media_type(headers)
        if kind in PICTURES and served.pack is None:
            joins = len(body) <= SMALL_PICTURES_BYTES
            payload = Payload(1, None, body, Media.IMAGE, joins)
            return Question(payload, probabilities, as_csv or "instance")
        media = _media_of(served, kind, headers, body)
        if media is Media.ARROW or (media is not None and len(body) > self._inline_body_bytes):
            question = part_question(media, Form.JSON, body, probabilities)
            return question._replace(form=as_csv or Form.JSON)
        read = table_reader(served, kind, headers, body)
        if read is not None:
            return table_question(read, probabilities, as_csv or "instances", aside=False)
        taken = [JSON, CSV, ARROW, NPY] if served.tabular else [JSON, *PICTURES]
        names = ", ".join(name.decode() for name in taken)
        raise UnsupportedMedia(f"{served.manifest.name} takes {names}; say so by Content-Type.")

    def streaming(self, served: ServedVersion, query: bytes, headers: Headers) -> Streaming | None:
        """Return what is asked if the body may stream through, which tables do that are not JSON.

        Raises:
            Unreadable: an option cannot be read.
            Unfit: the model has no probabilities.
            UnsupportedMedia: it is CSV in another charset than UTF-8.
        """
        media = STREAMED.get(media_type(headers)) if served.tabular else None
        if media is None:
            return None
        probabilities, partially = _switches(query, served, OPTIONS_V1)
        if partially:
            return None
        if media is Media.CSV:
            check_charset(headers[b"content-type"])
        return Streaming(media, answer_form(headers.get(b"accept", b"")), probabilities)

    def _is_for_worker(self, served: ServedVersion, form: Form, body: bytes) -> bool:
        """Return whether a worker writes an answer that is no JSON."""
        if form is Form.ARROW:
            return True
        # There is a column of warnings for all rows, of which others are told the first only.
        return not self._bare_csv and (served.flags or len(body) > self._inline_body_bytes)

    def write(self, served: ServedVersion, question: Question, answer: Answer) -> Written:
        """Return the answer in the request's form, or as CSV."""
        if question.form is AS_CSV:
            if question.payload.partial:
                table = partial_csv(served.manifest.output, answer.text or b"{}")
            else:
                table = encode_csv(served.manifest.output, *rows_of(answer))
            return Written(table, answer_headers(Form.CSV, served.manifest.version))
        text = answer.text
        if text is None:
            cells = question.payload.cells
            warnings = None if cells is None else cells.warnings
            predictions, chances = answer.texts()
            text = served.encoder.join(question.form, predictions, chances, warnings)
        elif isinstance(question.form, Form) and question.form is not Form.JSON:
            return Written(text, answer_headers(question.form, served.manifest.version))
        return _new(Written, (text, JSON_HEADERS))

    def refuse(self, error: ServiceError, id_: bytes) -> Reply:
        """Return the answer that an error is: code and words, nothing of the inside."""
        return error_reply(error, id_)


def _partial_question(
    served: ServedVersion, probabilities: bool, headers: Headers, body: bytes
) -> Question:
    """Return what is asked; a worker reads the rows, as it must tell of those that fail."""
    media = _media_of(served, media_type(headers), headers, body)
    if media is None or media is Media.ARROW:
        text = "With partial=true a table comes as JSON, CSV or npy, a picture as PNG or JPEG."
        raise UnsupportedMedia(text)
    form = AS_CSV if prefers_csv(headers.get(b"accept", b"")) else "instances"
    payload = Payload(1, None, body, media, joins=False, partial=True)
    return Question(payload, probabilities, form)


def _media_of(served: ServedVersion, kind: bytes, headers: Headers, body: bytes) -> Media | None:
    """Return what a body is to a worker; None if it is nothing that the model takes.

    Raises:
        UnsupportedMedia: it is CSV in another charset than UTF-8.
    """
    if kind in JSON_NAMES:
        return Media.JSON
    if served.pack is None:
        return Media.IMAGE if kind in PICTURES else None
    if kind == ARROW:
        return Media.ARROW
    if table_reader(served, kind, headers, body) is not None:
        return Media.CSV if kind == CSV else Media.NPY
    return None


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
