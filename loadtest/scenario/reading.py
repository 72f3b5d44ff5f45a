"""Reading a scenario file, with errors that name the setting."""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from loadtest.errors import ScenarioError
from loadtest.scenario.faults import FAULTS
from loadtest.scenario.scenario import Scenario

_LOADS = ("closed", "open", "trace", "mlperf")
_SHAPES = ("ramp", "spike")
_FAULTS = tuple(kind.model_fields["kind"].default for kind in FAULTS)
_KINDS = {*_LOADS, *_SHAPES, *_FAULTS}


def read_scenario(path: Path) -> Scenario:
    """Read a scenario file.

    Raises:
        ScenarioError: one line for each thing that is wrong with it.
    """
    try:
        return parse_scenario(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise ScenarioError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path} is not UTF-8 text.") from error


def parse_scenario(text: str, origin: str) -> Scenario:
    """Parse a scenario's TOML text; `origin` names it in messages.

    Raises:
        ScenarioError: one line for each thing that is wrong with it.
    """
    try:
        return Scenario.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{origin} is not TOML: {error}.") from error
    except ValidationError as error:
        lines = [_sentence(dict(problem)) for problem in error.errors(include_url=False)]
        raise ScenarioError("\n".join(f"{origin}: {line}" for line in lines)) from error


def _sentence(problem: dict[str, object]) -> str:
    """Turn one of pydantic's errors into a sentence that names the setting."""
    location = problem["loc"]
    # The discriminator's value stands in the path of a union; nobody wrote it as a table.
    parts = [str(part) for part in location if part not in _KINDS]  # type: ignore[attr-defined]
    name = ".".join(parts) or "the file"
    if problem["type"] == "extra_forbidden":
        return f"{name} is not a setting; look for a misspelling."
    if problem["type"] == "missing":
        return f"{name} is missing."
    if problem["type"] == "union_tag_not_found":
        return f"{name}.kind is missing; it is {_choices(name)}."
    if problem["type"] == "union_tag_invalid":
        return f"{name}.kind is none of {_choices(name)}."
    if problem["type"] == "value_error":
        return f"{name} is wrong: {str(problem['msg']).removeprefix('Value error, ')}."
    message = str(problem["msg"]).removeprefix("Input ")
    verb = "" if message.startswith(("should", "must")) else "is wrong: "
    return f"{name} {verb}{message}; it is {_shown(problem.get('input'))}."


def _choices(name: str) -> str:
    kinds = _FAULTS if name.startswith("faults") else _LOADS
    kinds = _SHAPES if name.endswith("shape") else kinds
    quoted = [f'"{kind}"' for kind in kinds]
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
