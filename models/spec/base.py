"""What every part of a specification shares."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, lt=1)]
"""A part of the rows."""

Value = bool | int | float | str
"""A value as TOML carries it."""


class Part(BaseModel):
    """Base of all parts: immutable, and a key that nobody knows is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True
    )
