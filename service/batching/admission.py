"""Who may wait: a request that cannot be served in time is refused at once.

    work ahead ──▶ when its batch starts ──▶ when it ends ──▶ against the deadline and the budget

A full queue costs no throughput, but a queue that is longer than its requests can wait costs all of
it: workers then compute what nobody waits for. So the queue is bounded in time. No clock in here.
"""

from collections.abc import Sequence
from math import ceil
from typing import Literal, NamedTuple

Reason = Literal["queue", "deadline", "fair_share"]
CAUTION = 1.5
"""A prediction may be so much too short, and what was accepted is still in time."""
PATIENCE = 2.0
"""Behind others, a request waits at least as long as so many of itself would take: a model that
takes longer than the budget could otherwise have no queue."""
STANDING_SHARE = 0.25
"""Of the budget, for a queue that stays: it absorbs no burst, it only makes everybody wait."""
SHARE_OF_ROOM = 8
"""A client may fill so many times the room that it leaves: one alone takes 8/9 of all, two take
8/17 each, and a newcomer always finds some."""


class Forecast(NamedTuple):
    """What is predicted for a request if it is accepted now, in seconds."""

    wait_s: float
    """Until its batch starts."""
    behind_s: float
    """How much of the wait is for other waiting requests, beyond what the workers have begun."""
    alone_s: float
    """What its own batch would take without company."""
    done_s: float
    """Until it is answered."""


class Shed(NamedTuple):
    """A refusal."""

    reason: Reason
    wait_s: float
    """How long the queue is."""


def level_s(work_s: float, free_in_s: Sequence[float]) -> float:
    """Return when workers that share some work have done it, each beginning when it is free.

    Args:
        work_s: seconds of one worker.
        free_in_s: when each worker is free, ascending; at least one.

    Work fills the workers like water a basin with steps: up to the level it returns.
    """
    filled_s = 0.0
    for i, free_s in enumerate(free_in_s):
        filled_s += free_s
        level = (work_s + filled_s) / (i + 1)
        if i + 1 == len(free_in_s) or level <= free_in_s[i + 1]:
            return level
    raise ValueError("there are no workers")


def forecast(
    ahead_s: float, alone_s: float, together_s: float, free_in_s: Sequence[float]
) -> Forecast:
    """Predict what becomes of a request.

    Args:
        ahead_s: seconds of work that is served before it, not counting its own batch.
        alone_s: what its own rows take.
        together_s: what the batch takes that it will travel in.
        free_in_s: when each worker is free, ascending; at least one.
    """
    wait_s = level_s(ahead_s, free_in_s)
    behind_s = wait_s - free_in_s[0] + together_s - alone_s
    return Forecast(wait_s, behind_s, alone_s, wait_s + together_s)


def decide(predicted: Forecast, remaining_s: float, budget_s: float) -> Shed | None:
    """Return why a request is refused, or None: it may wait.

    Args:
        predicted: what would become of it.
        remaining_s: the time until its deadline.
        budget_s: the longest that anybody waits behind others.
    """
    if predicted.done_s * CAUTION > remaining_s:
        return Shed("deadline", predicted.wait_s)
    if predicted.behind_s > max(budget_s, PATIENCE * predicted.alone_s):
        return Shed("queue", predicted.wait_s)
    return None


def budget_s(max_wait_s: float, standing_s: float) -> float:
    """Return how long anybody may wait behind others.

    Args:
        max_wait_s: how long in a burst.
        standing_s: how long there has been a queue already.

    Workers are as busy behind a short queue as behind a long one, and a short one is soon over.
    """
    return max_wait_s if standing_s <= max_wait_s else STANDING_SHARE * max_wait_s


def has_room(waiting: int, waiting_of_client: int, limit: int) -> bool:
    """Return whether one more request of a client may wait, by count.

    Args:
        waiting: all that wait.
        waiting_of_client: those of the client.
        limit: the most that may wait.
    """
    return waiting_of_client < SHARE_OF_ROOM * (limit - waiting)


def retry_after_s(wait_s: float, chance: float) -> int:
    """Return when to come again, in whole seconds as HTTP has them.

    Args:
        wait_s: how long the queue is.
        chance: a random number from 0 to 1, so that those who are refused together do not come
            again together.
    """
    return 1 + int(chance * (1 + ceil(wait_s)))
