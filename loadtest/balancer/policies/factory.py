"""From a name in a scenario to a policy."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from loadtest.balancer.policies.base import Policy
from loadtest.balancer.policies.blind import RandomChoice, RoundRobin, SmoothWeightedRoundRobin
from loadtest.balancer.policies.ewma import PeakEwmaChoice
from loadtest.balancer.policies.outstanding import JoinIdleQueue, LeastOutstanding, PowerOfChoices
from loadtest.balancer.policies.utilisation import UtilisationWeighted

PolicyName = Literal[
    "random",
    "round_robin",
    "weighted_round_robin",
    "least_outstanding",
    "power_of_choices",
    "join_idle_queue",
    "peak_ewma",
    "utilisation",
]


class PolicySettings(BaseModel):
    """What some of the policies may be told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    choices: int = Field(default=2, ge=1, le=64)
    """How many replicas power_of_choices and peak_ewma draw."""
    replacement: bool = True
    """Whether power_of_choices may draw a replica twice."""
    decay_s: float = Field(default=10.0, gt=0)
    """Of peak_ewma: how long a latency is remembered."""
    blackout_s: float = Field(default=10.0, ge=0)
    """Of utilisation: how long a replica reports before it is believed."""
    update_s: float = Field(default=1.0, ge=0.01)
    """Of utilisation: how often weights are worked out."""
    weights: Mapping[str, float] = {}
    """Of weighted_round_robin: replica-0 = 5; one that is not named weighs 1."""


def make_policy(
    name: PolicyName, replicas: Sequence[str], seed: int, settings: PolicySettings | None = None
) -> Policy:
    """Return a new policy by its name in a scenario.

    Raises:
        ValueError: the settings do not fit the replicas.
    """
    told = settings or PolicySettings()
    random = Random(seed)  # noqa: S311 - reproducible, not secret
    policies: dict[PolicyName, Callable[[], Policy]] = {
        "random": lambda: RandomChoice(replicas, random),
        "round_robin": lambda: RoundRobin(replicas),
        "weighted_round_robin": lambda: SmoothWeightedRoundRobin(replicas, told.weights),
        "least_outstanding": lambda: LeastOutstanding(replicas, random),
        "power_of_choices": lambda: PowerOfChoices(
            replicas, random, told.choices, replacement=told.replacement
        ),
        "join_idle_queue": lambda: JoinIdleQueue(replicas, random),
        "peak_ewma": lambda: PeakEwmaChoice(replicas, random, told.choices, told.decay_s),
        "utilisation": lambda: UtilisationWeighted(
            replicas, random, told.blackout_s, told.update_s
        ),
    }
    return policies[name]()
