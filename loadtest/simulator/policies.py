"""The policies by their names."""

from collections.abc import Callable
from random import Random

from loadtest.simulator.idle import Joined, JoinIdleQueue
from loadtest.simulator.sampled import PeakEwma, PowerOfChoices
from loadtest.simulator.settings import Model, Policy
from loadtest.simulator.view import Standing, View
from loadtest.simulator.views import LeastOutstanding, RandomChoice, RoundRobin
from loadtest.simulator.weighted import ReportedWeights, SmoothWeighted


def make_views(model: Model, random: Random) -> list[View]:
    """Return what each balancer of a model knows, at the beginning."""
    joined = Joined(model.fleet.replicas)
    views = [_view(model, random, joined) for _ in range(model.balancing.balancers)]
    standing = Standing(model.balancing.panic_share, model.balancing.slow_start_s)
    for view in views:
        view.standing = standing
    return views


def _view(model: Model, random: Random, joined: Joined) -> View:
    balancing, count = model.balancing, model.fleet.replicas
    first = random.randrange(count) if balancing.balancers > 1 else 0
    weights = balancing.weights or [1.0] * count
    makers: dict[Policy, Callable[[], View]] = {
        "random": lambda: RandomChoice(count, random),
        "round_robin": lambda: RoundRobin(count, random, first),
        "weighted_round_robin": lambda: SmoothWeighted(count, random, weights),
        "least_outstanding": lambda: LeastOutstanding(count, random),
        "central_queue": lambda: LeastOutstanding(count, random),
        "power_of_choices": lambda: PowerOfChoices(
            count, random, balancing.choices, replacement=balancing.replacement
        ),
        "join_idle_queue": lambda: JoinIdleQueue(count, random, joined),
        "peak_ewma": lambda: PeakEwma(count, random, balancing.decay_s),
        "utilisation": lambda: ReportedWeights(count, random),
    }
    return makers[balancing.policy]()
