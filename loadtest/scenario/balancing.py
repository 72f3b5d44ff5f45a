"""What stands in front of the replicas."""

from typing import Literal, Self

from pydantic import ConfigDict, model_validator

from loadtest.balancer.config import Balance
from loadtest.balancer.policies import PolicyName

Kind = Literal["own", "nginx", "haproxy", "none"]

_COMMON: tuple[PolicyName, ...] = (
    "round_robin",
    "weighted_round_robin",
    "least_outstanding",
    "random",
    "power_of_choices",
)
POLICIES: dict[Kind, tuple[PolicyName, ...]] = {"nginx": _COMMON, "haproxy": _COMMON}
"""What programs other than ours can do of our policies, by name."""

_THEIRS = frozenset(
    {"kind", "policy", "policy_settings", "answer_timeout_s", "replica_limit", "probes", "retries"}
)
"""Settings that mean something to nginx and HAProxy, too."""


class Balancing(Balance):
    """What stands in front of the replicas.

    kind is "own" (loadtest.balancer), "nginx", "haproxy", or "none": everything goes straight to
    the first replica.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = "own"

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind == "own":
            return self
        able = POLICIES.get(self.kind)
        if able is not None and self.policy not in able:
            raise ValueError(f'{self.kind} has no policy "{self.policy}"; it has {", ".join(able)}')
        changed = {
            name
            for name, field in type(self).model_fields.items()
            if getattr(self, name) != field.get_default(call_default_factory=True)
        }
        if foreign := sorted(changed - _THEIRS - {"seed"}):
            raise ValueError(
                f'kind "{self.kind}" does not know {", ".join(foreign)}; only "own" does'
            )
        return self
