"""The two forms of every scenario: a short one for each run of CI, and the one that is judged."""

import os
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Form:
    """How much of a scenario is run.

    The short form asserts counts only: on a machine that others use too, a latency says nothing.
    """

    full: bool

    def pick(self, short: T, full: T) -> T:
        """Return what this form uses."""
        return full if self.full else short

    @property
    def load(self) -> float:
        """Share of the measured capacity that ordinary traffic asks for."""
        return self.pick(0.5, 0.8)


def chosen_form() -> Form:
    """Return the form that CHAOS=short|full in the environment asks for; short if it is silent."""
    word = os.environ.get("CHAOS", "short")
    if word not in {"short", "full"}:
        raise ValueError(f"CHAOS is short or full, not {word!r}")
    return Form(full=word == "full")
