"""Reading a specification file, with errors that say where and what."""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from models.errors import BadSpecification
from models.spec.specification import Specification


def read_specification(path: Path) -> Specification:
    """Return the checked specification of a TOML file.

    Raises:
        BadSpecification: it cannot be read, or a key or value is wrong; every one is named.
    """
    try:
        with path.open("rb") as file:
            tables = tomllib.load(file)
    except OSError as error:
        raise BadSpecification(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSpecification(f"{path} is not TOML: {error}") from error
    try:
        return Specification.model_validate(tables)
    except ValidationError as error:
        lines = [
            f"  {_place(problem['loc'])}: {_words(problem['msg'])}"
            for problem in error.errors(include_url=False, include_input=False)
        ]
        raise BadSpecification("\n".join([f"{path} does not say what to do:", *lines])) from error


def _place(loc: tuple[int | str, ...]) -> str:
    return ".".join(map(str, loc)) or "the file"


def _words(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
