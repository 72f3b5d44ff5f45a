"""The servers of a model, all running side by side, so that they can take turns."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from loadtest.bench.asking import Asking
from loadtest.bench.results import PERCORE, Footprint
from loadtest.bench.sampling import ask
from loadtest.errors import ChildError
from loadtest.payload import Request
from loadtest.peers.catalogue import Peer
from loadtest.peers.environment import python_of
from loadtest.peers.server import Server, running_peer, running_percore
from loadtest.peers.tagged import cpu_s, pss_bytes, tagged

_READY_S: Final = 120.0
_POLL_S: Final = 0.02


@dataclass(frozen=True)
class Runner:
    """A server that runs, and how it is asked."""

    form: str
    server: Server
    peer: Peer | None
    """None: Percore."""
    start_s: float
    processes: int
    start_bytes: int

    def requests(self, asked: Asking) -> list[Request]:
        """Return a cell's requests to this server."""
        if self.peer is None:
            return asked.of_percore(self.server.address)
        return asked.of_peer(self.peer, self.server.address)

    def cpu_s(self) -> float:
        """Return the CPU time that all its processes have spent so far."""
        return cpu_s(tagged(self.server.tag))

    def footprint(self, model: str) -> Footprint:
        """Return what it needs; its memory after load is as it is now."""
        return Footprint(
            model=model,
            form=self.form,
            start_s=self.start_s,
            processes=self.processes,
            start_bytes=self.start_bytes,
            loaded_bytes=pss_bytes(tagged(self.server.tag)),
            date=now(),
        )


@dataclass(frozen=True)
class Contest:
    """What runs, by form, and what could not be started."""

    runners: dict[str, Runner] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


@contextmanager
def contest(
    first: Asking,
    store: Path,
    peers: Mapping[str, Peer],
    workers: int,
    folder: Path,
    tell: Callable[[str], None],
) -> Iterator[Contest]:
    """Start Percore and peers, one after the other, each until its first right answer.

    Args:
        first: requests that each is asked until it answers.
        store: with this one model, for Percore.
        peers: by form.
        workers: of each server.
        folder: for their logs.
        tell: is told what is being done.

    Raises:
        ChildError: Percore does not start; a peer that does not is left out.
    """
    found = Contest()
    artefact = first.stored.artefact
    with ExitStack() as stack:
        tell("starting percore")
        began_s = time.monotonic()
        server = stack.enter_context(running_percore(store, workers, _made(folder / PERCORE)))
        found.runners[PERCORE] = _ready(PERCORE, server, None, first, began_s)
        for form, peer in peers.items():
            tell(f"starting {form} (its environment is made first if there is none)")
            try:
                python_of(peer)
                began_s = time.monotonic()
                running = running_peer(peer, artefact, workers, _made(folder / form))
                server = stack.enter_context(running)
                found.runners[form] = _ready(form, server, peer, first, began_s)
            except ChildError as error:
                found.left_out[form] = str(error).splitlines()[0]
                tell(f"{form} is left out: {error}")
        yield found


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _ready(form: str, server: Server, peer: Peer | None, first: Asking, began_s: float) -> Runner:
    asked = Runner(form, server, peer, 0.0, 0, 0).requests(first)[0]
    _wait(server, asked)
    start_s = time.monotonic() - began_s
    pids = tagged(server.tag)
    return Runner(form, server, peer, start_s, len(pids), pss_bytes(pids))


def _wait(server: Server, asked: Request) -> None:
    deadline_s = time.monotonic() + _READY_S
    while fault := ask(server.address, asked):
        code = server.child.exit_code
        if code is not None:
            raise server.child.failure(f"ended with code {code} before it answered")
        if time.monotonic() > deadline_s:
            raise server.child.failure(f"gave no right answer in {_READY_S:g} s: {fault}")
        time.sleep(_POLL_S)


def forms_of(chosen: Sequence[Mapping[str, Peer | None]]) -> dict[str, Peer]:
    """Return every form that some cell needs, by name."""
    peers = (peer for cell in chosen for peer in cell.values() if peer is not None)
    return {peer.name: peer for peer in peers}


def now() -> str:
    """Return the time as the files say it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
