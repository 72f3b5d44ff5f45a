"""JSON predict requests: bytes to rows, or to a refusal that says where and why."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Literal, NamedTuple

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from models.manifest import Manifest
from models.schema import TabularSchema
from service.codecs.cells import Row
from service.errors import Detail, TooLarge, Unfit, Unreadable, too_many_rows
from service.schema import NAMED_PICTURE, request_type

Form = Literal["instance", "instances", "inputs"]
"""The key that held the request's rows; the answer has the form that belongs to it."""

_new = tuple.__new__
MAX_DETAILS = 20
MAX_PROBLEMS = 10_000
"""pydantic describes all problems or none; of more than these it would take seconds."""
MAX_KEY_CHARS = 64
MAX_MESSAGE_CHARS = 256


class Parsed(NamedTuple):
    """A valid request: rows in the fitted order, or the bytes of pictures."""

    form: Form
    rows: Sequence[Row]
    pictures: Sequence[bytes] = ()


class JsonRows:
    """Reads the JSON requests of one model.

    Args:
        manifest: the model's manifest.
        max_rows: the most instances in one request.
    """

    def __init__(self, manifest: Manifest, max_rows: int) -> None:
        self.adapter: TypeAdapter[Any] = TypeAdapter(request_type(manifest, max_rows))
        self._max_rows = max_rows
        self._validate = self.adapter.validator.validate_json
        self._columns: tuple[str, ...] = ()
        self.parse: Callable[[bytes], Parsed] = self._parse_pictures
        if isinstance(manifest.input, TabularSchema):
            self._columns = tuple(column.name for column in manifest.input.columns)
            self.parse = self._parse_table
        self._in_order: Callable[[dict[str, Any]], Row] = _getter(self._columns)

    def _parse_table(self, body: bytes) -> Parsed:
        """Return the rows of a request.

        Raises:
            Unreadable: the body is not JSON, or a key stands twice in an object.
            Unfit: it does not fit the model's schema.
        """
        request = self._load(body)
        rows: Sequence[Row]
        if "instances" in request:
            form: Form = "instances"
            rows = instances = request["instances"]
            colons = 1
            if dict in map(type, instances):
                keyed = [type(one) is dict for one in instances]
                rows = [self._in_order(one) if key else one for one, key in zip(instances, keyed)]  # noqa: B905
                colons += sum(keyed) * len(self._columns)
        elif "instance" in request:
            form, one = "instance", request["instance"]
            rows = [self._in_order(one) if type(one) is dict else one]
            colons = 1 + (len(self._columns) if type(one) is dict else 0)
        else:
            form, rows = "inputs", self._from_columns(request["inputs"])
            colons = 1 + len(self._columns)
        if (
            body.count(b":") > colons
        ):  # more than the keys need: a text with a colon, or a key twice
            refuse_duplicate_keys(body)
        return _new(Parsed, (form, rows, ()))  # as its own constructor does, but for the call

    def _parse_pictures(self, body: bytes) -> Parsed:
        """Return the pictures of a request, decoded from base64.

        Raises:
            Unreadable: the body is not JSON, or a key stands twice in an object.
            Unfit: it does not fit the model's schema, or a picture is not base64.
        """
        request = self._load(body)
        form: Form = "instances" if "instances" in request else "instance"
        instances = request["instances"] if form == "instances" else [request["instance"]]
        if body.count(b":") > 1 + len(instances):
            refuse_duplicate_keys(body)
        pictures = []
        for i, one in enumerate(instances):
            place: list[str | int] = [form, i, "b64"] if form == "instances" else [form, "b64"]
            if len(one) != 1:
                text = f"an instance has exactly one key, b64 or {NAMED_PICTURE}"
                raise Unfit(f"{text[:1].upper()}{text[1:]}.", [Detail(loc=place, message=text)])
            try:
                encoded = one["b64"] if "b64" in one else one[NAMED_PICTURE]["b64"]
                pictures.append(base64.b64decode(encoded, validate=True))
            except (binascii.Error, ValueError):
                raise Unfit(
                    "A picture is not valid base64.", [Detail(loc=place, message="not base64")]
                ) from None
        return Parsed(form, (), pictures)

    def _load(self, body: bytes) -> dict[str, Any]:
        try:
            request: dict[str, Any] = self._validate(body)
        except ValidationError as error:
            raise self._refusal(error) from None
        if len(request) != 1:
            keys = '"instance", "instances" or "inputs"' if self._columns else '"instances"'
            raise Unfit(f"Give exactly one of {keys}.")
        return request

    def _from_columns(self, inputs: dict[str, list[Any]]) -> Sequence[Row]:
        columns = self._in_order(inputs)
        counts = {len(column) for column in columns}  # type: ignore[arg-type]
        if len(counts) > 1:
            raise Unfit(
                f"The columns of inputs have different lengths: {min(counts)} to {max(counts)}."
            )
        return list(zip(*columns, strict=True))

    def _refusal(self, error: ValidationError) -> Unreadable | Unfit | TooLarge:
        if error.error_count() > MAX_PROBLEMS:
            return Unfit(f"The request does not fit the model in {error.error_count()} places.")
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        if problems[0]["type"] == "json_invalid":
            return Unreadable(f"The body is not valid JSON: {_sentence(problems[0]['msg'])}")
        if _is_too_many_rows(problems[0]):
            return too_many_rows(self._max_rows)
        if self._columns:
            problems = _one_branch(problems)
        details = [self._detail(problem) for problem in problems[:MAX_DETAILS]]
        first = details[0]
        place = "".join(
            f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"]
        )
        return Unfit(
            f"The request does not fit the model: {place.lstrip('.')}: {first['message']}.", details
        )

    def _detail(self, problem: ErrorDetails) -> Detail:
        loc = [step if isinstance(step, int) else step[:MAX_KEY_CHARS] for step in problem["loc"]]
        is_column = bool(self._columns) and len(loc) > 1
        message = {
            "missing": "this column is missing" if is_column else "this key is missing",
            "extra_forbidden": "the model has no such column" if is_column else "unknown key",
        }.get(problem["type"], problem["msg"][:MAX_MESSAGE_CHARS])
        inside = 2 if loc[:1] == ["instances"] else 1
        if len(loc) > inside and isinstance(loc[inside], int) and loc[0] != "inputs":
            position = int(loc[inside])
            if position < len(self._columns):
                message = f"{message} (column {self._columns[position]})"
        if problem["type"] == "too_long" and len(loc) == inside:
            message = f"a list instance has exactly {len(self._columns)} values"
        return Detail(loc=loc, message=message)


def _getter(columns: tuple[str, ...]) -> Callable[[dict[str, Any]], Row]:
    if len(columns) == 1:
        return lambda one: (one[columns[0]],)
    return itemgetter(*columns) if columns else tuple


def _is_too_many_rows(problem: ErrorDetails) -> bool:
    loc = problem["loc"]
    return problem["type"] == "too_long" and len(loc) == {"instances": 1, "inputs": 2}.get(
        str(loc[0]) if loc else "", 0
    )


def _one_branch(problems: list[ErrorDetails]) -> list[ErrorDetails]:
    """Keep the problems of the form that the client meant: an object, or a list.

    pydantic reports both branches of the union, with the branch's name in the location.
    """
    roots = {"dict_type", "tuple_type", "model_type"}
    kept: list[ErrorDetails] = []
    hopeless: list[ErrorDetails] = []
    for problem in problems:
        loc = problem["loc"]
        at = {"instances": 2, "instance": 1}.get(str(loc[0]) if loc else "", len(loc))
        if len(loc) <= at:
            kept.append(problem)
            continue
        problem["loc"] = (*loc[:at], *loc[at + 1 :])
        (hopeless if problem["type"] in roots and len(loc) == at + 1 else kept).append(problem)
    if kept:
        return kept
    hopeless[0]["msg"] = "an instance is an object with the columns' names, or a list of values"
    return hopeless[:1]


def refuse_duplicate_keys(body: bytes) -> None:
    """Raise Unreadable if a key stands twice in an object of valid JSON."""

    def check(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise Unreadable(f"The key {key[:64]!r} stands twice in one object.")
            seen.add(key)

    # Nobody needs the numbers, and Python refuses to convert very long ones.
    json.loads(body, object_pairs_hook=check, parse_int=str, parse_float=str)


def _sentence(text: str) -> str:
    return text.removeprefix("Invalid JSON: ") + "."
