"""Everything that is told of one run, and its JSON."""

import dataclasses
import json
from dataclasses import dataclass, field
from datetime import datetime

from loadtest.faults.impact import Impact
from loadtest.front import FrontFigures
from loadtest.machine import Machine
from loadtest.report.words import load_model
from loadtest.scenario import Scenario
from loadtest.summary import Summary

VERSION = 1
"""Of report.json. A field may be added at any time; one that changes or goes makes it 2."""

DEFINITION = (
    "order statistic of rank ceil(p * n) of raw samples, from the intended start; wrong and lost"
    " requests count as slower than every right one, refused ones are left out"
)


@dataclass(frozen=True)
class Report:
    """Everything that is told of one run."""

    scenario: Scenario
    summary: Summary
    model_version: int
    machine: Machine
    command: str
    date: datetime
    front: FrontFigures = field(default_factory=lambda: FrontFigures("own"))
    """What stood in front of the replicas, and what it counted."""
    impacts: tuple[Impact, ...] = ()
    """What each fault did."""

    def to_json(self) -> str:
        """Return the report as JSON text; seconds everywhere."""
        content = {
            "schema_version": VERSION,
            "kind": self.scenario.fleet.kind,
            "load_model": load_model(self.scenario),
            "percentiles": DEFINITION,
            "model_version": self.model_version,
            "command": self.command,
            "date": self.date.isoformat(timespec="seconds"),
            "machine": dataclasses.asdict(self.machine),
            "front": {
                **dataclasses.asdict(self.front),
                "retry_amplification": self.front.amplification,
            },
            "faults": [dataclasses.asdict(impact) for impact in self.impacts],
            "scenario": self.scenario.model_dump(mode="json"),
            **dataclasses.asdict(self.summary),
        }
        return json.dumps(content, indent=2, allow_nan=False) + "\n"
