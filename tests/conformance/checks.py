"""What is expected of an answer: small functions that raise what they find."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.conformance.subject import ROWS, Subject
from tests.conformance.tensors import HEADER, Tensor, read_answer
from tests.conformance.transport import Reply

TOLERANCE = 1e-12
TYPES: dict[str, tuple[type, ...]] = {"BOOL": (bool,), "BYTES": (bytes,)}
Check = Callable[[Subject, Reply], None]


class Failed(Exception):
    """The answer is not what the protocol says."""


class Differs(Exception):
    """The protocol allows the answer, or is silent; most servers give another one."""


def ok(subject: Subject, reply: Reply) -> None:
    """Expect status 200: clients take every other one for a failure."""
    if reply.status != 200:
        raise Failed(f"status {reply.status}: {reply.body[:160].decode(errors='replace')}")


def error(status: int = 400) -> Check:
    """Expect a refusal: an error's status, and exactly {"error": "…"}; another status differs."""

    def check(subject: Subject, reply: Reply) -> None:
        if reply.status < 400:
            raise Failed(f"status {reply.status}, and not {status}")
        said = json_of(reply)
        if not isinstance(said, dict) or said.keys() != {"error"}:
            raise Failed(f'the body is {said!r:.80}, and not {{"error": "…"}}')
        if not isinstance(said["error"], str) or not said["error"]:
            raise Failed("the error is no text")
        if reply.status != status:
            raise Differs(f"status {reply.status}, and not {status}")

    return check


def unspoken(status: int) -> Check:
    """Expect a refusal of what the protocol does not speak of: its form is the server's affair."""

    def check(subject: Subject, reply: Reply) -> None:
        try:
            error(status)(subject, reply)
        except Failed as found:
            if reply.status < 400:
                raise
            raise Differs(str(found)) from None

    return check


def no_answer_to_no_rows(subject: Subject, reply: Reply) -> None:
    """Expect a refusal; an answer of no rows differs: a size of 0 is not forbidden."""
    if reply.status == 200:
        raise Differs("no rows get an answer")
    error()(subject, reply)


def not_moved(subject: Subject, reply: Reply) -> None:
    """Expect no redirection: the text and the OpenAPI file have different paths for the same."""
    if reply.status in {301, 302, 307, 308}:
        raise Differs(f"status {reply.status}: moved to {reply.headers.get('location')}")


def empty_or(key: str) -> Check:
    """Expect no body, or a JSON object in which `key`, or "live" by the text's slip, is true."""

    def check(subject: Subject, reply: Reply) -> None:
        if not reply.body:
            return
        said = json_of(reply)
        if said == {"live": True} and key != "live":
            raise Differs('{"live": true}, as the text has it; most say "ready"')
        if not isinstance(said, dict) or said.get(key) is not True:
            raise Failed(f"the body is {said!r:.80}")

    return check


def has(**types: type | tuple[type, ...]) -> Check:
    """Expect a JSON object with these keys, of these types."""

    def check(subject: Subject, reply: Reply) -> None:
        said = json_of(reply)
        for key, kind in types.items():
            if not isinstance(said, dict) or not isinstance(said.get(key), kind):
                raise Failed(f"{key} is missing, or of another type")

    return check


def says(key: str, value: Callable[[Subject], Any]) -> Check:
    """Expect a key of the JSON to have a value."""

    def check(subject: Subject, reply: Reply) -> None:
        got = json_of(reply).get(key)
        if got != value(subject):
            raise Failed(f"{key} is {got!r:.60}, and not {value(subject)!r:.60}")

    return check


def says_id(id_: str) -> Check:
    """Expect an infer answer to have this id."""

    def check(subject: Subject, reply: Reply) -> None:
        if answer_of(reply)[0].get("id") != id_:
            raise Failed("the id did not come back")

    return check


def describes_tensors(subject: Subject, reply: Reply) -> None:
    """Expect name, datatype and shape of every input and output, and nothing twice."""
    said = json_of(reply)
    for side in ("inputs", "outputs"):
        names = [one.get("name") for one in said[side]]
        if not names or len(set(names)) < len(names):
            raise Failed(f"{side} are {names}")
        for one in said[side]:
            if not isinstance(one.get("datatype"), str) or not isinstance(one.get("shape"), list):
                raise Failed(f"{one.get('name')} has no datatype or shape")
            if not all(type(size) is int and size >= -1 for size in one["shape"]):
                raise Failed(f"{one['name']} has shape {one['shape']}")


def answers(rows: int = ROWS) -> Check:
    """Expect an infer answer that agrees with the metadata, output by output."""

    def check(subject: Subject, reply: Reply) -> None:
        ok(subject, reply)
        head, outputs = answer_of(reply)
        if head.get("model_name") != subject.model:
            raise Failed(f"model_name is {head.get('model_name')!r}")
        if not isinstance(head.get("model_version", ""), str):
            raise Failed("model_version is no text")
        promised = {one["name"]: one for one in subject.metadata["outputs"]}
        for name, tensor in outputs.items():
            if name not in promised:
                raise Failed(f"metadata has no output {name}")
            _agrees(tensor, promised[name], rows)

    return check


def _agrees(tensor: Tensor, promised: Mapping[str, Any], rows: int) -> None:
    if tensor.datatype != promised["datatype"]:
        raise Failed(f"{tensor.name} is {tensor.datatype}; metadata says {promised['datatype']}")
    shape = promised["shape"]
    fits = len(shape) == len(tensor.shape) and all(
        size in {-1, got} for size, got in zip(shape, tensor.shape, strict=True)
    )
    if not fits or tensor.shape[0] != rows:
        raise Failed(f"{tensor.name} has shape {tensor.shape}; metadata says {shape}, {rows} rows")
    kinds = TYPES.get(tensor.datatype, (int, float))
    if not all(isinstance(value, kinds) for value in tensor.values):
        raise Failed(f"{tensor.name} has values that are not {tensor.datatype}")


def like_baseline(subject: Subject, reply: Reply) -> None:
    """Expect the outputs of the plain request; raises as `answers`."""
    answers()(subject, reply)
    same_values(subject.baseline, answer_of(reply)[1])


def outputs_are(names: Callable[[Subject], list[str]]) -> Check:
    """Expect these outputs and no others, with the plain request's values."""

    def check(subject: Subject, reply: Reply) -> None:
        answers()(subject, reply)
        got = answer_of(reply)[1]
        if list(got) != names(subject):
            raise Failed(f"the outputs are {list(got)}")
        same_values({name: subject.baseline[name] for name in names(subject)}, got)

    return check


def binary_outputs(is_binary: Callable[[int], bool]) -> Check:
    """Expect outputs with binary data, or without, by their place."""

    def check(subject: Subject, reply: Reply) -> None:
        ok(subject, reply)
        head, _ = answer_of(reply)
        for i, one in enumerate(head["outputs"]):
            if ("binary_data_size" in one.get("parameters", {})) is not is_binary(i):
                raise Failed(f"{one['name']} is {'not ' if is_binary(i) else ''}binary")
            if ("data" in one) is is_binary(i):
                raise Failed(f"{one['name']} has both forms of data, or none")
        wants_header = any(is_binary(i) for i in range(len(head["outputs"])))
        if (HEADER.lower() in reply.headers) is not wants_header:
            raise Failed(f"{HEADER} is there without need, or missing")

    return check


def same_values(wanted: Mapping[str, Tensor], got: Mapping[str, Tensor]) -> None:
    """Expect the same outputs: labels equal, numbers within the tolerance."""
    if wanted.keys() != got.keys():
        raise Failed(f"the outputs are {sorted(got)}")
    for name, tensor in wanted.items():
        pairs = zip(tensor.values, got[name].values, strict=True)
        near = all(
            abs(one - other) <= TOLERANCE if isinstance(one, float) else one == other
            for one, other in pairs
        )
        if not near or tensor.shape != got[name].shape:
            raise Failed(f"{name} is not what the plain request gets")


def answer_of(reply: Reply) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return an infer answer; raises Failed if it is none."""
    try:
        return read_answer(reply)
    except Exception as found:
        raise Failed(f"no infer answer: {found!r:.120}") from found


def json_of(reply: Reply) -> Any:
    """Return the JSON of an answer; raises Failed if it is none."""
    try:
        return reply.json()
    except ValueError:
        raise Failed(f"no JSON: {reply.body[:80]!r}") from None
