"""The table: what is asked, and what is expected. Its sections are those of the protocol's text."""

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.conformance.asks import (
    asks_for,
    bytes_alone,
    bytes_of_several,
    fewer_inputs,
    first_input,
    get,
    left_over,
    mixed,
    more_inputs,
    nested,
    one_output,
    output_names,
    post,
    ragged,
    raw_infer,
    resized,
    same,
    shorter_data,
    strange_data,
    twice,
    without,
)
from tests.conformance.checks import (
    Check,
    answers,
    binary_outputs,
    describes_tensors,
    empty_or,
    error,
    has,
    like_baseline,
    no_answer_to_no_rows,
    not_moved,
    ok,
    outputs_are,
    says,
    says_id,
    unspoken,
)
from tests.conformance.stories import statistics_grow, table_of_states
from tests.conformance.subject import Subject, binary_infer, infer
from tests.conformance.transport import Ask

BINARY = "binary_tensor_data"
REPOSITORY = "model_repository"
STATISTICS = "statistics"
CONFIGURATION = "model_configuration"
SCHEDULE = "schedule_policy"


class Case(NamedTuple):
    """One line of the table."""

    section: str
    name: str
    run: Callable[[Subject], None]
    """Raises Failed, Differs or Inapplicable."""
    extension: str | None = None
    """Only a server that offers this is asked."""


def case(
    section: str,
    name: str,
    ask: Callable[[Subject], Ask],
    *checks: Check,
    extension: str | None = None,
) -> Case:
    """Return the line of one request and what is expected of its answer."""

    def run(subject: Subject) -> None:
        reply = subject.send(ask(subject))
        for check in checks:
            check(subject, reply)

    return Case(section, name, run, extension)


def in_index(subject: Subject, reply: Any) -> None:
    table_of_states(subject, reply, must_have=True)


HEALTH = (
    case("health", "live", get("/v2/health/live"), ok, empty_or("live")),
    case("health", "ready", get("/v2/health/ready"), ok, empty_or("ready")),
    case("health", "model ready", get("{model}/ready"), ok, empty_or("ready")),
    case("health", "version ready", get("{version}/ready"), ok, empty_or("ready")),
    case("health", "no such model", get("/v2/models/no_such_model/ready"), error(404)),
)
METADATA = (
    case("metadata", "server", get("/v2"), ok, has(name=str, version=str, extensions=list)),
    case("metadata", "server, with a slash", get("/v2/"), not_moved, ok, has(name=str)),
    case(
        "metadata", "model", get("{model}"), ok, has(platform=str, inputs=list, outputs=list),
        says("name", lambda subject: subject.model), describes_tensors,
    ),
    case(
        "metadata", "version", get("{version}"), ok,
        says("inputs", lambda subject: subject.metadata["inputs"]), describes_tensors,
    ),
    case("metadata", "no such model", get("/v2/models/no_such_model"), error(404)),
    case("metadata", "no such version", get("{model}/versions/999999"), error(404)),
    case("metadata", "no version", get("{model}/versions/none"), error(404)),
    case("metadata", "no such path", get("/v2/no_such_path"), unspoken(404)),
    case("metadata", "wrong method", post("{model}", b"{}"), unspoken(405)),
)  # fmt: skip
INFER = (
    case("infer", "flat data", infer(same), like_baseline, outputs_are(output_names)),
    case("infer", "nested data", nested, like_baseline),
    case("infer", "one row", infer(same, rows=1), answers(1)),
    case("infer", "seven rows", infer(same, rows=7), answers(7)),
    case(
        "infer", "of a version",
        lambda subject: infer(same)(subject)._replace(path=f"{subject.version_path()}/infer"),
        like_baseline,
    ),
    case(
        "infer", "no Content-Type", lambda subject: infer(same)(subject)._replace(headers={}),
        like_baseline,
    ),
    case(
        "infer", "id comes back", infer(lambda valid: valid | {"id": "a:ü 1"}), like_baseline,
        says_id("a:ü 1"),
    ),
    case(
        "infer", "unknown parameters", infer(lambda valid: valid | {"parameters": {"xyz": 1.5}}),
        like_baseline,
    ),
    case(
        "infer", "unknown parameter of an input",
        infer(first_input(lambda one: one | {"parameters": {"xyz": "abc"}})), like_baseline,
    ),
    case("infer", "empty outputs are all", infer(lambda valid: valid | {"outputs": []}),
         like_baseline),
    case("infer", "first output", one_output(0), outputs_are(lambda s: output_names(s)[:1])),
    case("infer", "last output", one_output(-1), outputs_are(lambda s: output_names(s)[-1:])),
    case(
        "infer", "outputs in the order asked",
        lambda subject: infer(asks_for(*reversed(output_names(subject))))(subject),
        outputs_are(lambda subject: output_names(subject)[::-1]),
    ),
)  # fmt: skip
REFUSED = (
    case("refused", "unknown output", infer(asks_for("no_such_output")), error()),
    case("refused", "unknown input beside the others", infer(more_inputs), error()),
    case("refused", "an input is missing", infer(fewer_inputs), error()),
    case("refused", "an input twice", infer(twice), error()),
    case("refused", "no inputs", infer(lambda valid: valid | {"inputs": []}), error()),
    case("refused", "inputs is missing", infer(without("inputs")), error()),
    case("refused", "inputs is no list", infer(lambda valid: valid | {"inputs": {}}), error()),
    case("refused", "name is missing", infer(first_input(without("name"))), error()),
    case("refused", "shape is missing", infer(first_input(without("shape"))), error()),
    case("refused", "datatype is missing", infer(first_input(without("datatype"))), error()),
    case("refused", "data is missing", infer(first_input(without("data"))), error()),
    case(
        "refused", "shape of other values",
        infer(first_input(lambda one: one | {"shape": [one["shape"][0] + 1, *one["shape"][1:]]})),
        error(),
    ),
    case(
        "refused", "negative shape",
        infer(first_input(lambda one: one | {"shape": [-1, *one["shape"][1:]]})), error(),
    ),
    case(
        "refused", "shape beyond all memory",
        infer(first_input(lambda one: one | {"shape": [1 << 62, *one["shape"][1:]]})), error(),
    ),
    case(
        "refused", "a dimension too many",
        infer(first_input(lambda one: one | {"shape": [*one["shape"], 1, 1]})), error(),
    ),
    case(
        "refused", "no rows",
        infer(lambda valid: valid | {"inputs": [
            one | {"shape": [0, *one["shape"][1:]], "data": []} for one in valid["inputs"]
        ]}),
        no_answer_to_no_rows,
    ),
    case(
        "refused", "unknown datatype",
        infer(first_input(lambda one: one | {"datatype": "DECIMAL"})), error(),
    ),
    case(
        "refused", "datatype of another kind",
        infer(first_input(lambda one: one | {
            "datatype": "INT64" if one["datatype"] == "BYTES" else "BYTES"
        })),
        error(),
    ),
    case("refused", "data of another type", infer(first_input(strange_data)), error()),
    case("refused", "ragged data", infer(first_input(ragged)), error()),
    case("refused", "id is no text", infer(lambda valid: valid | {"id": 7}), error()),
    case("refused", "cut JSON", raw_infer(b'{"inputs": [{"name": '), error()),
    case("refused", "no JSON", raw_infer(b"inputs=1"), error()),
    case("refused", "no UTF-8", raw_infer(b'{"id": "\xff", "inputs": []}'), error()),
    case("refused", "a list", raw_infer(b"[]"), error()),
    case("refused", "null", raw_infer(b"null"), error()),
    case("refused", "empty body", raw_infer(b""), error()),
    case(
        "refused", "no such model",
        lambda subject: infer(same)(subject)._replace(path="/v2/models/no_such_model/infer"),
        error(404),
    ),
    case(
        "refused", "no such version",
        lambda subject: infer(same)(subject)._replace(
            path=f"{subject.path}/versions/999999/infer"
        ),
        error(404),
    ),
    case("refused", "wrong method", get("{model}/infer"), unspoken(405)),
)  # fmt: skip
BINARY_DATA = (
    case(BINARY, "in, JSON out", binary_infer(), like_baseline,
         binary_outputs(lambda i: False), extension=BINARY),
    case(
        BINARY, "in and out", binary_infer({"parameters": {"binary_data_output": True}}),
        like_baseline, binary_outputs(lambda i: True), extension=BINARY,
    ),
    case(
        BINARY, "JSON in, binary out",
        infer(lambda valid: valid | {"parameters": {"binary_data_output": True}}),
        like_baseline, binary_outputs(lambda i: True), extension=BINARY,
    ),
    case(BINARY, "one output, binary", one_output(0, binary_data=True),
         binary_outputs(lambda i: True), extension=BINARY),
    case(BINARY, "an output against the default", mixed, like_baseline,
         binary_outputs(lambda i: i > 0), extension=BINARY),
    case(
        BINARY, "id comes back",
        binary_infer({"id": "b", "parameters": {"binary_data_output": True}}),
        like_baseline, says_id("b"), extension=BINARY,
    ),
    case(BINARY, "bytes alone", bytes_alone, answers(1), binary_outputs(lambda i: True),
         extension=BINARY),
    case(BINARY, "bytes alone, several inputs", bytes_of_several, error(), extension=BINARY),
    case(BINARY, "header beyond the body", binary_infer(length="99999999"), error(),
         extension=BINARY),
    case(BINARY, "header too long for a number", binary_infer(length="9" * 40), error(),
         extension=BINARY),
    case(BINARY, "header within the JSON", binary_infer(length="7"), error(), extension=BINARY),
    case(BINARY, "header is no number", binary_infer(length="many"), error(), extension=BINARY),
    case(BINARY, "header is negative", binary_infer(length="-1"), error(), extension=BINARY),
    case(BINARY, "size beyond the body", resized(1 << 20), error(), extension=BINARY),
    case(BINARY, "size below the data", resized(-1), error(), extension=BINARY),
    case(BINARY, "negative size", resized(-(1 << 40)), error(), extension=BINARY),
    case(BINARY, "data cut", shorter_data, error(), extension=BINARY),
    case(BINARY, "bytes left over", left_over, error(), extension=BINARY),
)  # fmt: skip
OTHERS = (
    case(REPOSITORY, "index, empty body", post("/v2/repository/index"), ok, in_index,
         extension=REPOSITORY),
    case(REPOSITORY, "index, {}", post("/v2/repository/index", b"{}"), ok, in_index,
         extension=REPOSITORY),
    case(
        REPOSITORY, "index of what is ready", post("/v2/repository/index", b'{"ready": true}'),
        ok, lambda subject, reply: table_of_states(subject, reply, must_have=True, only="READY"),
        extension=REPOSITORY,
    ),
    case(REPOSITORY, "index, no JSON", post("/v2/repository/index", b"{"), error(),
         extension=REPOSITORY),
    case(REPOSITORY, "index by GET", get("/v2/repository/index"), unspoken(405),
         extension=REPOSITORY),
    case(STATISTICS, "of the model", get("{model}/stats"), ok, has(model_stats=list),
         extension=STATISTICS),
    case(STATISTICS, "of a version", get("{version}/stats"), ok, has(model_stats=list),
         extension=STATISTICS),
    case(STATISTICS, "of all models", get("/v2/models/stats"), ok, has(model_stats=list),
         extension=STATISTICS),
    case(STATISTICS, "no such model", get("/v2/models/no_such_model/stats"), error(404),
         extension=STATISTICS),
    Case(STATISTICS, "grow by what was asked", statistics_grow, STATISTICS),
    case(
        CONFIGURATION, "of the model", get("{model}/config"), ok,
        has(max_batch_size=int, input=list, output=list),
        says("name", lambda subject: subject.model), extension=CONFIGURATION,
    ),
    case(CONFIGURATION, "of a version", get("{version}/config"), ok, has(input=list),
         extension=CONFIGURATION),
    case(CONFIGURATION, "no such model", get("/v2/models/no_such_model/config"), error(404),
         extension=CONFIGURATION),
    case(
        SCHEDULE, "priority and timeout",
        infer(lambda valid: valid | {"parameters": {"priority": 1, "timeout": 20_000_000}}),
        like_baseline, extension=SCHEDULE,
    ),
    case(SCHEDULE, "timeout is no number", infer(lambda valid: valid | {
        "parameters": {"timeout": "soon"}
    }), error(), extension=SCHEDULE),
    case(SCHEDULE, "negative priority", infer(lambda valid: valid | {
        "parameters": {"priority": -1}
    }), error(), extension=SCHEDULE),
)  # fmt: skip
CASES: tuple[Case, ...] = (*HEALTH, *METADATA, *INFER, *REFUSED, *BINARY_DATA, *OTHERS)
