"""What a forecast came to."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadtest.machine import this_machine
from loadtest.report.figures import FILE, Figures, Prediction, Profile
from loadtest.report.plots.percentiles import profile_shares
from loadtest.scenario import Scenario
from loadtest.simulator.calibration import Calibration
from loadtest.simulator.forecast import Forecast
from loadtest.simulator.measured import MeasuredRun
from loadtest.simulator.result import NOT_MODELLED
from loadtest.simulator.validation import Validation
from loadtest.summary import Verdict

JSON = "prediction.json"


@dataclass(frozen=True)
class Held:
    """One run of the whole fleet, and what was said of it beforehand."""

    said: Forecast
    run: MeasuredRun
    validation: Validation
    pace: float | None
    """How much longer lone requests were predicted there than while calibrating, as a share: the
    machine's own change of speed, which no model can know."""

    @property
    def words(self) -> str:
        """Say how far off it was, and how much the machine itself had changed."""
        if self.pace is None:
            return self.validation.words
        change = f"{abs(self.pace):.0%} {'longer' if self.pace >= 0 else 'less long'}"
        return f"{self.validation.words}; a lone prediction took {change} than while calibrating"


@dataclass(frozen=True)
class Result:
    """All of it; nothing is held against a run that cannot be vouched for."""

    scenario: Scenario
    """Of the whole fleet."""
    command: str
    verdict: Verdict
    """Of the runs, not of the forecast."""
    calibration: Calibration | None = None
    held: tuple[Held, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether every run was foretold within the tolerances."""
        return bool(self.held) and all(each.validation.accepted for each in self.held)

    @property
    def sentences(self) -> list[str]:
        """Say what came of it: a line a run."""
        if self.verdict is Verdict.INVALID:
            return ["A run is INVALID: the generator was late, so there is nothing to compare."]
        if self.verdict is Verdict.FAILED:
            return ["A run had wrong answers, so there is nothing to compare."]
        return [
            f"{'Foretold' if each.validation.accepted else 'Not foretold'}: {each.words}."
            for each in self.held
        ]

    def to_json(self) -> str:
        """Return everything as JSON text; seconds everywhere."""
        content = {
            "kind": self.scenario.fleet.kind,
            "verdict": self.verdict,
            "accepted": self.accepted,
            "command": self.command,
            "load_model": self.scenario.load.words,
            "machine": dataclasses.asdict(this_machine()),
            "not_modelled": NOT_MODELLED,
            "sentences": self.sentences,
            "scenario": self.scenario.model_dump(mode="json"),
            "calibration": None
            if self.calibration is None
            else self.calibration.model_dump(mode="json"),
            "runs": [
                {
                    "run": each.validation.run,
                    "accepted": each.validation.accepted,
                    "pace": each.pace,
                    "checks": [
                        dataclasses.asdict(check) | {"error": check.error}
                        for check in each.validation.checks
                    ],
                }
                for each in self.held
            ],
        }
        return json.dumps(content, indent=2, allow_nan=False) + "\n"

    def figures(self) -> Figures:
        """Return what a page can draw: each figure said and measured, and whole distributions."""
        kind = self.scenario.fleet.kind
        predictions = tuple(
            Prediction(
                name=f"{check.name}, run {number}",
                unit="per_s" if check.name == "throughput" else "s",
                simulated=check.predicted,
                measured=check.measured,
                held_out=True,
            )
            for number, each in enumerate(self.held)
            for check in each.validation.checks
        )
        profiles = [
            profile
            for number, each in enumerate(self.held)
            for profile in (
                _profile(f"simulated, run {number}", "simulated", each.said.latency_s, each),
                _profile(f"measured, run {number}", kind, each.run.latency_s, each),
            )
        ]
        return Figures(predictions=predictions, profiles=tuple(profiles))

    def write(self, folder: Path) -> None:
        """Write prediction.json, and beside it what a page can draw."""
        (folder / JSON).write_text(self.to_json(), encoding="utf-8")
        (folder / FILE).write_text(self.figures().model_dump_json(indent=2), encoding="utf-8")


def _profile(name: str, kind: str, latency_s: NDArray[np.float64], held: Held) -> Profile:
    """Return the quantiles that the measured run supports; the lost have none."""
    ordered_s = np.sort(latency_s)
    points = [
        (share, float(ordered_s[max(1, int(np.ceil(share * len(ordered_s) - 1e-6))) - 1]))
        for share in profile_shares(len(held.run.latency_s))
    ]
    known = [(share, value_s) for share, value_s in points if np.isfinite(value_s)]
    return Profile.model_validate({"name": name, "kind": kind, "points": known})
