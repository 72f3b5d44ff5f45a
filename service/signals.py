"""What signals ask a replica for."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Sequence


class Signals:
    """What signals ask for: TERM to stop gently, INT or a second one to hurry, HUP to reload."""

    def __init__(self, reload: Sequence[Callable[[], None]]) -> None:
        self.stop = asyncio.Event()
        self._hurry = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._on_stop, False)
        loop.add_signal_handler(signal.SIGINT, self._on_stop, True)
        loop.add_signal_handler(signal.SIGHUP, self._on_reload)
        self._reload = reload

    async def hurried(self, delay_s: float) -> None:
        """Wait so long, or until somebody hurries."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._hurry.wait()

    def _on_reload(self) -> None:
        for reload in self._reload:
            reload()

    def _on_stop(self, hurry: bool) -> None:
        if hurry or self.stop.is_set():
            self._hurry.set()
        self.stop.set()
