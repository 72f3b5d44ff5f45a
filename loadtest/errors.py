"""What can go wrong before a single request counts.

LoadTestError
├── ScenarioError       the scenario file cannot be read or does not make sense
├── ArtefactError       the store has no such model, or its manifest lacks what is needed
├── OracleError         the reference process did not answer
└── ChildError          a replica, the balancer or the generator did not start or ended early
"""


class LoadTestError(Exception):
    """Base of what ends a run without a result; its text is a sentence for a person."""


class ScenarioError(LoadTestError):
    """The scenario cannot be used."""


class ArtefactError(LoadTestError):
    """The store does not hold what the scenario asks for."""


class OracleError(LoadTestError):
    """The reference process could not compute the right answers."""


class ChildError(LoadTestError):
    """A process of the run did not start, or ended before it should."""
