"""The capacity plan: the smallest fleet that does what is asked."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from loadtest.simulator.point import Load, Point, capacity_per_s, draw_load, simulate_point
from loadtest.simulator.settings import Fault, Model, Policy, Service
from loadtest.simulator.simulate import simulate
from loadtest.simulator.study import Goal, Study

_CONFIRMING = 3
_LONGER = 2


@dataclass(frozen=True)
class Plan:
    """What one policy needs."""

    policy: str
    replicas: int | None
    """None: more than the goal allows to look at."""
    workers: int
    point: Point | None
    """The fleet's figures at the goal's rate."""
    with_zone_lost: int | None
    """Replicas of the fleet that does it while its largest zone is gone; None: not asked."""
    lost_at_failure: float | None
    """Share of all requests of the simulation that found no right answer when the zone went."""


def meets(point: Point, goal: Goal) -> bool:
    """Return whether a fleet surely does what is asked: at the upper end of its p99's interval."""
    if point.grows or 1 - point.right > goal.unanswered:
        return False
    if point.p99_s is None or point.p99_error_s is None:
        return False
    return point.p99_s + point.p99_error_s <= goal.p99_s


def smallest(low: int, most: int, does: Callable[[int], bool]) -> int | None:
    """Return the smallest number from `low` to `most` that does, if larger ones do as well.

    Doubling steps, then bisection.
    """
    failed, step, tried = low - 1, 1, low
    while not does(tried):
        if tried >= most:
            return None
        failed, tried, step = tried, min(tried + step, most), step * 2
    while tried - failed > 1:
        middle = (failed + tried) // 2
        if does(middle):
            tried = middle
        else:
            failed = middle
    return tried


def plan_for(study: Study, goal: Goal, service: Service, policy: Policy) -> Plan:
    """Find the fleet for one policy.

    Faults of the study are left out, for a plan is for a fleet that is well, or that has lost a
    zone. Every size meets the same requests.
    """
    one = study.model(service, policy, 1)
    load = _load(study, one, goal.rate_per_s, study.requests, study.seed)

    def does(replicas: int) -> bool:
        return meets(simulate_point(study.model(service, policy, replicas), load), goal)

    low = max(math.ceil(goal.rate_per_s / capacity_per_s(one, study.mean_rows)), 1)
    found = smallest(low, goal.most_replicas, does) if low <= goal.most_replicas else None
    while found is not None and not _confirmed(study, goal, study.model(service, policy, found)):
        found = found + 1 if found < goal.most_replicas else None
    lost, share = None, None
    if found is not None and goal.lose_zone:
        lost = with_a_zone_more(found, study.fleet.zones)
        share = _lost_at_failure(study.model(service, policy, lost), load)
    return Plan(
        policy=policy,
        replicas=found,
        workers=study.fleet.workers,
        point=None if found is None else simulate_point(study.model(service, policy, found), load),
        with_zone_lost=lost,
        lost_at_failure=share,
    )


def with_a_zone_more(replicas: int, zones: int) -> int:
    """Return the smallest fleet that has so many left when the largest of its zones is gone."""
    if zones < 2:
        raise ValueError("a fleet of one zone has nothing left when it is gone")
    larger = replicas
    while larger - math.ceil(larger / zones) < replicas:
        larger += 1
    return larger


def _load(study: Study, model: Model, rate_per_s: float, count: int, seed: int) -> Load:
    return draw_load(model, study.traffic, rate_per_s, count, seed, study.mix)


def _confirmed(study: Study, goal: Goal, model: Model) -> bool:
    """Return whether longer runs of other requests agree: near its limit a queue fills slowly."""
    for repeat in range(1, _CONFIRMING + 1):
        count, seed = _LONGER * study.requests, study.seed + repeat
        load = _load(study, model, goal.rate_per_s, count, seed)
        if not meets(simulate_point(model, load), goal):
            return False
    return True


def _lost_at_failure(model: Model, load: Load) -> float:
    """Return the share of requests without a right answer, if a zone dies halfway."""
    fault = Fault(kind="lose_zone", at_s=float(load.arrivals_s[-1]) / 2)
    dying = model.model_copy(update={"faults": (fault,)})
    outcome = simulate(dying, load.arrivals_s, load.sizes, load.seed, load.rows)
    return 1 - outcome.right / len(outcome.ends)
