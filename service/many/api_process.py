"""An API process as the supervisor sees it: started by exec, and told what to do on its line."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from service.errors import Unavailable
from service.inference.process import Forked
from service.many.line import Line, Message
from service.many.sums import Snapshot
from service.many.swap import Outcome
from service.settings import Settings

BEGIN_S = 30.0
PREPARE_S = 60.0
FLIP_S = 3.0
"""So long others wait at the most for one that does not flip, before it is ended."""
TELL_S = 1.0


class ApiProcess:
    """One API process, and what is known of it.

    Args:
        number: which one it is, from 0.
        on_asked: hears what it asks the supervisor for.
        on_gone: hears that it is gone, after it had begun.

    Attributes:
        number: which one it is.
        serves: whether it has flipped to what is served, and is not gone.
        has_begun: whether it can answer at all.
        snapshot: what it told last of itself.
        told: whether it told it when it was last asked.
        heard_at: when it last told or asked anything, monotonic seconds.
    """

    def __init__(
        self,
        number: int,
        on_asked: Callable[["ApiProcess", Message], None],
        on_gone: Callable[["ApiProcess"], None],
    ) -> None:
        self.number = number
        self.serves = False
        self.has_begun = False
        self.snapshot: Snapshot | None = None
        self.told = False
        self.heard_at = monotonic()
        self._on_asked = on_asked
        self._on_gone = on_gone
        self._given = 0
        self._taken = 0
        self._open = 0
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "service.many.member", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                stdin=subprocess.DEVNULL,
            )
        self._line = Line(ours, self._hear, self._go)

    @property
    def pid(self) -> int:
        """Its process's number."""
        return self._process.pid

    @property
    def open_connections(self) -> int:
        """How many connections it has, with those that are on their way to it."""
        return self._open + self._given - self._taken

    async def begin(self, settings: Settings, cores: Sequence[int], catalogue: Any) -> None:
        """Let it become able to answer.

        Raises:
            Unavailable: it ended, or the settings cannot be used; the text says why.
            TimeoutError: it took too long.
        """
        told = settings.model_dump(mode="json")
        told["admin_token"] = settings.admin_token.get_secret_value()
        begin = {"do": "begin", "settings": told, "cores": list(cores), "catalogue": catalogue}
        answer = await self._line.ask(begin, BEGIN_S)
        if answer["reason"]:
            raise Unavailable(answer["reason"])
        self.has_begun = True

    def give(self, connection: int) -> None:
        """Give it an accepted connection; the descriptor is closed here when it has left."""
        self._given += 1
        self._line.send({"do": "take"}, [connection])

    async def prepare(
        self, catalogue: Any, numbers: list[Any], loader: Forked | None
    ) -> tuple[Outcome, str]:
        """Let it make workers from a loader, or only take a catalogue; return how that went."""
        order: Message = {"do": "prepare", "catalogue": catalogue, "numbers": numbers}
        order["pid"], descriptors = 0, []
        if loader is not None:
            order["pid"] = loader.pid
            descriptors = [loader.connection.detach(), loader.pidfd]
        try:
            reason = (await self._line.ask(order, PREPARE_S, descriptors))["reason"]
        except Unavailable:
            return Outcome.GONE, ""
        except TimeoutError:
            return Outcome.LATE, ""
        return (Outcome.FAILED, reason) if reason else (Outcome.DONE, "")

    async def flip(self) -> Outcome:
        """Let it serve what it has prepared, and begin no batch; return how that went."""
        try:
            await self._line.ask({"do": "flip"}, FLIP_S)
        except Unavailable:
            return Outcome.GONE
        except TimeoutError:
            return Outcome.LATE
        return Outcome.DONE

    async def tell(self) -> None:
        """Ask what it has counted; if it does not tell, what it told last is kept."""
        try:
            self.snapshot = await self._line.ask({"do": "tell"}, TELL_S)
            self.told = True
            self.heard_at = monotonic()
        except (Unavailable, TimeoutError):
            self.told = False

    def order(self, what: str) -> None:
        """Give an order that has no answer."""
        self._line.send({"do": what})

    def fall_back(self, name: str, version: int, told: str) -> None:
        """Let it compute a version by scikit-learn from now on."""
        order = {"do": "fall back", "name": name, "version": version, "told": told}
        self._line.send(order)

    def answer(self, asked: Message, answer: Message) -> None:
        """Answer what it has asked."""
        self._line.answer(asked, answer)

    def kill(self) -> None:
        """End it at once; `on_gone` hears it."""
        self._process.kill()
        self._line.close()

    async def ended(self) -> int:
        """Wait until the process has ended; return its exit status (negative: the signal)."""
        return await asyncio.to_thread(self._process.wait)

    def _hear(self, message: Message, descriptors: list[int]) -> None:
        for descriptor in descriptors:
            os.close(descriptor)
        if message.get("did") == "connections":
            self._taken, self._open = message["taken"], message["open"]
        else:
            self._on_asked(self, message)

    def _go(self) -> None:
        had_begun, self.has_begun, self.serves = self.has_begun, False, False
        self._process.kill()
        if had_begun:  # or else whoever waits for that hears it
            self._on_gone(self)
