"""Work on a body that would hold up everybody else, done in a thread."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from service.protocols.http import Client

THREADS = 2
"""They share one lock with the loop: more would take more from it, and end no sooner."""

T = TypeVar("T")


class Aside:
    """Reads large bodies beside the loop, a few at a time."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="percore-aside")

    async def run(self, work: Callable[[], T], client: Client) -> T:
        """Return what `work` returns.

        Args:
            work: is called in a thread.
            client: who waits for it; work that has not begun when it goes is not begun.

        Raises:
            ClientGone: there is nobody to answer.
        """
        loop = asyncio.get_running_loop()
        working = loop.run_in_executor(self._threads, work)
        left: asyncio.Future[Any] = loop.create_future()
        client.waiting = left
        try:
            await asyncio.wait({working, left}, return_when=asyncio.FIRST_COMPLETED)
            if left.done():
                left.result()
            return await working
        finally:
            client.waiting = None
            left.cancel()
            if not working.cancel():
                working.exception()  # seen: nobody may be left to hear of it
