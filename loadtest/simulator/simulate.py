"""One simulation of an open load.

arrivals ─▶ front (views choose) ─▶ replicas ─▶ front ─▶ latencies; faults and probes beside
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadtest.simulator.call import End
from loadtest.simulator.settings import Model
from loadtest.simulator.stage import Requests, Stage, build_stage


@dataclass(frozen=True)
class Outcome:
    """What became of every request, in the order of their arrivals, and of every replica."""

    arrivals_s: NDArray[np.float64]
    latency_s: NDArray[np.float64]
    """Infinite for those without a right answer."""
    ends: NDArray[np.uint8]
    """By `End`; OPEN: no answer ever came."""
    served: NDArray[np.int64]
    """By replica: calls that a worker took up."""
    batches: NDArray[np.int64]
    busy_s: NDArray[np.float64]
    calls: int
    """Attempts: more than requests where some were tried again."""
    last_s: float
    """When the last arrival came."""

    @property
    def right(self) -> int:
        """Requests answered right."""
        return int((self.ends == End.RIGHT).sum())


def simulate(
    model: Model,
    arrivals_s: NDArray[np.float64],
    sizes: NDArray[np.float64],
    seed: int,
    rows: NDArray[np.int64] | None = None,
) -> Outcome:
    """Simulate a fleet under an open load.

    Two models given the same arrivals, sizes and seed meet the same load, request for request.

    Args:
        model: the fleet.
        arrivals_s: seconds, ascending, at least one.
        sizes: factor on the service time of each request, of mean 1.
        seed: of the balancers' choices and the probes' beginnings.
        rows: of each request; None: all are alike, and the service's times go by requests.

    Raises:
        ValueError: there is no arrival, or not a size for each.
    """
    if len(arrivals_s) == 0 or len(sizes) != len(arrivals_s):
        raise ValueError("a simulation needs arrivals, and a size for each")
    times: list[float] = arrivals_s.tolist()
    last_s = times[-1]
    requests = Requests(
        arrivals_s=times,
        sizes=sizes.tolist(),
        rows=None if rows is None else rows.tolist(),
        goes_on=lambda now: now < last_s,
    )
    stage = build_stage(model, requests, seed)
    stage.run(times)
    return outcome_of(arrivals_s, stage, draw_overheads_s(model, len(times), seed))


def draw_overheads_s(model: Model, count: int, seed: int) -> NDArray[np.float64]:
    """Draw what each answer takes beyond queue and worker."""
    rng = np.random.default_rng([seed, 3])
    return np.asarray(rng.choice(model.service.overhead_s, count))


def outcome_of(
    arrivals_s: NDArray[np.float64], stage: Stage, overheads_s: NDArray[np.float64]
) -> Outcome:
    """Return what became of requests; of those at the end of the front's list that never came, not.

    Args:
        arrivals_s: of those that came.
        stage: after its run.
        overheads_s: of each answer.
    """
    front, replicas, count = stage.front, stage.replicas, len(arrivals_s)
    return Outcome(
        arrivals_s=arrivals_s,
        latency_s=np.array(front.latency_s[:count]) + overheads_s[:count],
        ends=np.frombuffer(bytes(front.ends[:count]), dtype=np.uint8),
        served=np.array([replica.served for replica in replicas]),
        batches=np.array([replica.batches for replica in replicas]),
        busy_s=np.array([replica.busy_s for replica in replicas]),
        calls=front.calls,
        last_s=float(arrivals_s[-1]),
    )
