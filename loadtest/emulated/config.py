"""What a process of emulated replicas is told, as one JSON file.

Plain dataclasses and the standard library: fifty of these processes have to start in no time.
"""

import base64
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class ServiceLaw:
    """How long a batch takes."""

    base_s: float
    row_s: float
    law: Literal["constant", "exponential", "lognormal"]
    cv: float
    measured: dict[int, list[float]]
    """Rows of a batch → measured times in seconds, ascending; empty: the law holds."""


@dataclass(frozen=True)
class EmulatedConfig:
    """One process and the replicas in it."""

    host: str
    ports: dict[str, int]
    """Replica → where it listens."""
    workers: int
    """Of each replica."""
    max_batch_rows: int
    max_queue: int
    """Of each replica."""
    seed: int
    service: ServiceLaw
    answers: dict[str, tuple[int, bytes]]
    """SHA-256 of a request's body → its rows, and the body of the right answer."""

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        answers = {
            key: (rows, base64.b64encode(body).decode())
            for key, (rows, body) in self.answers.items()
        }
        content = {**asdict(self), "answers": answers}
        path.write_text(json.dumps(content), encoding="utf-8")


def read_config(path: Path) -> EmulatedConfig:
    """Read what `EmulatedConfig.write` wrote."""
    content = json.loads(path.read_text(encoding="utf-8"))
    service = content.pop("service")
    measured = {int(rows): times for rows, times in service.pop("measured").items()}
    answers = {
        key: (rows, base64.b64decode(body)) for key, (rows, body) in content.pop("answers").items()
    }
    return EmulatedConfig(
        service=ServiceLaw(**service, measured=measured), answers=answers, **content
    )
