"""`python -m loadtest.simulator.bench`: arrivals that one core simulates in a second, by policy.

CPU time, not wall time: neighbours on the machine do not count.
"""

import argparse
import sys
import time
from typing import get_args

import numpy as np

from loadtest.machine import this_machine
from loadtest.simulator.laws import Law, draw
from loadtest.simulator.settings import Balancing, Fleet, Model, Policy, Service
from loadtest.simulator.simulate import simulate
from loadtest.simulator.traffic import Traffic, draw_arrivals

LOAD = 0.9
BATCH_S = (0.010, 0.011, 0.012, 0.013)


def arrivals_per_s(policy: Policy, replicas: int, workers: int, count: int) -> float:
    """Return how many arrivals a second of CPU time simulates; drawing them is not counted."""
    model = Model(
        fleet=Fleet(replicas=replicas, workers=workers),
        service=Service(batch_s=BATCH_S, law=Law(kind="lognormal", scv=0.25)),
        balancing=Balancing(policy=policy, timeout_s=10.0),
    )
    rate_per_s = LOAD * replicas * workers / BATCH_S[0]
    arrivals_s = draw_arrivals(Traffic(), rate_per_s, count, 1)
    sizes = draw(model.service.law, len(arrivals_s), np.random.default_rng(1))
    begun_s = time.process_time()
    simulate(model, arrivals_s, sizes, 1)
    return len(arrivals_s) / (time.process_time() - begun_s)


def main() -> None:
    """Print one line a policy."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Example: python -m loadtest.simulator.bench --replicas 1000",
    )
    parser.add_argument("--replicas", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--requests", type=int, default=400_000)
    told = parser.parse_args()
    machine = this_machine()
    sys.stdout.write(f"{machine.cpu}, {machine.system}, Python {machine.python}\n")
    for policy in get_args(Policy):
        if policy == "weighted_round_robin" and told.replicas > 100:
            continue  # looks at every replica for each choice, as nginx does
        speed = arrivals_per_s(policy, told.replicas, told.workers, told.requests)
        sys.stdout.write(f"{policy:20} {speed:10,.0f} arrivals a CPU second\n")


if __name__ == "__main__":
    main()
