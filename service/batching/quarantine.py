"""Which inputs are suspected of ending workers, and which have done it twice.

A worker that dies makes suspects of all its batch's inputs. One request an input is tried once
more, alone; requests with an equal input wait for it. If it succeeds, somebody else had ended the
worker, and the input is cleared. If it ends a second worker, the input is quarantined for a while.
"""

from collections import OrderedDict
from hashlib import blake2b

from service.batching.entry import Entry, Payload

Key = bytes
"""A digest of an input, the same for equal inputs of one model version."""


def input_key(lane: str, payload: Payload) -> Key:
    """Return the digest of an input.

    Args:
        lane: the model version's name for it.
        payload: what a worker would compute.
    """
    digest = blake2b(lane.encode(), digest_size=16)
    for part in payload.cells[1:4] if payload.cells is not None else (payload.body,):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()


class Suspects:
    """Inputs whose worker died, each with the requests that wait for its second try.

    Attributes:
        followers: those requests, by the input's key.
    """

    def __init__(self) -> None:
        self.followers: dict[Key, list[Entry]] = {}

    def suspect(self, key: Key, entry: Entry) -> bool:
        """Suspect an input; return whether this request is the one to be tried alone."""
        followers = self.followers.get(key)
        if followers is None:
            self.followers[key] = []
            return True
        followers.append(entry)
        return False

    def follows(self, key: Key, entry: Entry) -> bool:
        """Let a request with a suspected input wait; return False if its input is none."""
        followers = self.followers.get(key)
        if followers is None:
            return False
        followers.append(entry)
        return True

    def settle(self, key: Key) -> list[Entry]:
        """Forget a suspicion, whichever way it ended; return who waited for it."""
        return self.followers.pop(key, [])

    def waiting(self) -> list[Entry]:
        """Return every request that waits for another one's second try."""
        return [entry for followers in self.followers.values() for entry in followers]


class Quarantine:
    """Inputs that ended two workers.

    Args:
        capacity: how many are remembered; the oldest is forgotten first.
        lifetime_s: how long each is remembered.

    Attributes:
        inputs: until when each is remembered, in monotonic seconds.
    """

    def __init__(self, capacity: int, lifetime_s: float) -> None:
        self._capacity = capacity
        self._lifetime_s = lifetime_s
        self.inputs: OrderedDict[Key, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self.inputs)

    def add(self, key: Key, now: float) -> None:
        """Quarantine an input; `now` is in monotonic seconds."""
        self.inputs.pop(key, None)
        self.inputs[key] = now + self._lifetime_s
        if len(self.inputs) > self._capacity:
            self.inputs.popitem(last=False)

    def holds(self, key: Key, now: float) -> bool:
        """Return whether an input is quarantined; one whose time is over is forgotten."""
        until = self.inputs.get(key)
        if until is None:
            return False
        if until <= now:
            del self.inputs[key]
            return False
        return True
