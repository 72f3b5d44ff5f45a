"""What is to be foretold, and the smaller fleets that it is foretold from."""

from dataclasses import dataclass

from loadtest.errors import ScenarioError
from loadtest.scenario import ClosedLoad, Load, OpenLoad, Scenario

_SEED = 1000
"""The smaller fleets' loads are of seeds so far from the whole fleet's: none sees its schedule."""


@dataclass(frozen=True)
class Question:
    """What is to be foretold, and from what.

    Args:
        scenario: of the whole fleet.
        smaller: numbers of replicas to calibrate with; each gets its share of the rate.
        max_batch: requests that fit into a batch of the service.
    """

    scenario: Scenario
    smaller: tuple[int, ...]
    max_batch: int

    @property
    def whole(self) -> str:
        """Return the name of the whole fleet's runs."""
        return _name(self.scenario.fleet.replicas)

    def variants(self) -> dict[str, Scenario]:
        """Return the fleets by name, the smaller ones first.

        Raises:
            ScenarioError: the scenario's load is not even, or a fleet is not smaller.
        """
        load, fleet = self.scenario.load, self.scenario.fleet
        even = isinstance(load, ClosedLoad) or (isinstance(load, OpenLoad) and load.shape is None)
        if not even or self.scenario.faults:
            raise ScenarioError(
                "A forecast needs a closed load, or an open one whose rate does not change, and no"
                " faults."
            )
        if fleet.replicas < 2:
            raise ScenarioError("A forecast needs a fleet of two replicas or more to foretell.")
        if not self.smaller or not all(1 <= count < fleet.replicas for count in self.smaller):
            raise ScenarioError(
                f"Calibrate with fleets of 1 to {fleet.replicas - 1} replicas:"
                f" the scenario has {fleet.replicas}."
            )
        return {**self.smaller_fleets(), **self.under_all(), self.whole: self.scenario}

    def smaller_fleets(self) -> dict[str, Scenario]:
        """Return the smaller fleets by name, each under its share of the load."""
        load, replicas = self.scenario.load, self.scenario.fleet.replicas
        return {
            _name(count): self._of(count, _share(load, count / replicas), _SEED * count)
            for count in sorted(set(self.smaller))
        }

    def under_all(self) -> dict[str, Scenario]:
        """Return the smaller fleets by name, each under the whole of an open load."""
        load = self.scenario.load
        if not isinstance(load, OpenLoad):
            return {}
        return {
            f"{_name(count)}-all": self._of(count, load, _SEED * count + _SEED // 2)
            for count in sorted(set(self.smaller))
        }

    def _of(self, replicas: int, load: Load, seed: int) -> Scenario:
        seeded = load.model_copy(update={"seed": load.seed + seed})
        fleet = self.scenario.fleet.model_copy(update={"replicas": replicas})
        return self.scenario.model_copy(update={"load": seeded, "fleet": fleet})


def _share(load: Load, share: float) -> Load:
    if isinstance(load, ClosedLoad):
        connections = max(round(load.connections * share), 1)
        return load.model_copy(update={"connections": connections})
    if isinstance(load, OpenLoad):
        return load.model_copy(update={"rate_per_s": load.rate_per_s * share})
    raise TypeError("only an open or a closed load has a share")


def _name(replicas: int) -> str:
    return f"replicas-{replicas}"
