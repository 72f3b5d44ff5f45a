"""What a study comes to, from its file to its figures."""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass

from loadtest.errors import ScenarioError
from loadtest.machine import Machine, this_machine
from loadtest.simulator.calibration import Calibration, calibrate
from loadtest.simulator.measured import read_run
from loadtest.simulator.plan import Plan, plan_for
from loadtest.simulator.point import (
    Point,
    capacity_per_s,
    draw_load,
    simulate_clients,
    simulate_point,
)
from loadtest.simulator.settings import Service
from loadtest.simulator.study import Study
from loadtest.simulator.validation import Validation, validate

BY_HAND = "service times were given by hand: no real fleet was compared"
NOT_MODELLED = (
    "Not modelled: the balancer's own limit, the network's, the kernel's queues, noisy neighbours,"
    " pauses of the interpreter; replicas are alike unless a fault says otherwise."
)


@dataclass(frozen=True)
class Result:
    """Figures of a study."""

    study: Study
    calibration: Calibration | None
    validations: tuple[Validation, ...]
    curve: tuple[Point, ...]
    plans: tuple[Plan, ...]
    machine: Machine

    @property
    def refused(self) -> tuple[Validation, ...]:
        """Held-out runs that the simulator did not predict: then nothing is extrapolated."""
        return tuple(each for each in self.validations if not each.accepted)

    @property
    def standing(self) -> str:
        """Say what stands beside every extrapolation."""
        return "; ".join(each.words for each in self.validations) or BY_HAND

    def to_json(self) -> str:
        """Return everything as JSON text; seconds everywhere."""
        content = {
            "kind": "simulated",
            "standing": self.standing,
            "refused": [each.words for each in self.refused],
            "not_modelled": NOT_MODELLED,
            "machine": dataclasses.asdict(self.machine),
            "study": self.study.model_dump(mode="json"),
            "calibration": None
            if self.calibration is None
            else self.calibration.model_dump(mode="json"),
            "validations": [
                {
                    "run": each.run,
                    "accepted": each.accepted,
                    "checks": [
                        dataclasses.asdict(check) | {"error": check.error} for check in each.checks
                    ],
                }
                for each in self.validations
            ],
            "curve": [dataclasses.asdict(point) for point in self.curve],
            "plans": [dataclasses.asdict(plan) for plan in self.plans],
        }
        return json.dumps(content, indent=2, allow_nan=False) + "\n"


def carry_out(study: Study, tell: Callable[[str, int, int], None]) -> Result:
    """Calibrate, check, and only then extrapolate.

    Args:
        study: what to do.
        tell: is given what is being done, how many steps are over, and how many there are.

    Raises:
        ScenarioError: runs cannot be read, or do not fit together.
    """
    calibration: Calibration | None = None
    validations: tuple[Validation, ...] = ()
    service = study.service
    if study.measured is not None:
        tell("calibrating", 0, 1)
        calibration = calibrate(
            [read_run(folder) for folder in study.measured.runs], study.measured.max_batch
        )
        _fits(study, calibration)
        service = calibration.service
        tell("checking on held-out runs", 0, 1)
        validations = tuple(
            validate(calibration, read_run(folder), study.seed)
            for folder in study.measured.held_out
        )
    if service is None:
        raise TypeError("a study has one source of service times")
    trusted = all(each.accepted for each in validations)
    return Result(
        study=study,
        calibration=calibration,
        validations=validations,
        curve=_curve(study, service, tell) if trusted else (),
        plans=_plans(study, service, tell) if trusted else (),
        machine=this_machine(),
    )


def _fits(study: Study, calibration: Calibration) -> None:
    if (calibration.rows is None) != bool(study.mix):
        asked = "has a [[mix]]" if study.mix else "has no [[mix]]"
        raise ScenarioError(
            f"The study {asked}, and the runs to calibrate with are of"
            f" {calibration.rows or 'many'} rows a request: simulate what was measured."
        )


def _curve(
    study: Study, service: Service, tell: Callable[[str, int, int], None]
) -> tuple[Point, ...]:
    points: list[Point] = []
    if study.closed is not None:
        steps = len(study.closed.clients) * len(study.policies)
        for clients in study.closed.clients:
            for policy in study.policies:
                tell(f"{policy} with {clients} clients", len(points), steps)
                model = study.model(service, policy)
                points.append(simulate_clients(study, study.closed, model, clients))
        return tuple(points)
    loads = study.curve.loads if study.curve is not None else ()
    steps = len(loads) * len(study.policies)
    for share in loads:
        model = study.model(service, study.policies[0])
        rate_per_s = share * capacity_per_s(model, study.mean_rows)
        load = draw_load(model, study.traffic, rate_per_s, study.requests, study.seed, study.mix)
        for policy in study.policies:
            tell(f"{policy} at {share:.0%}", len(points), steps)
            points.append(simulate_point(study.model(service, policy), load))
    return tuple(points)


def _plans(
    study: Study, service: Service, tell: Callable[[str, int, int], None]
) -> tuple[Plan, ...]:
    plans: list[Plan] = []
    if study.plan is not None:
        for policy in study.policies:
            tell(f"planning with {policy}", len(plans), len(study.policies))
            plans.append(plan_for(study, study.plan, service, policy))
    return tuple(plans)
