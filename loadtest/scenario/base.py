"""What every part of a scenario shares."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Base of everything in a scenario: immutable, and a field nobody knows is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
