"""What stands in front of the replicas."""

from pydantic import Field

from loadtest.balancer.policy import PolicyName
from loadtest.scenario.base import Frozen


class Balancing(Frozen):
    """What stands in front of the replicas."""

    policy: PolicyName = "least_outstanding"
    seed: int = 0
    """Of the choice between replicas that are equally good."""
    answer_timeout_s: float = Field(default=60.0, gt=0)
    """How long the balancer waits for a replica's answer before it answers 504."""
