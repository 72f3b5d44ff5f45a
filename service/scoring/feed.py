"""An iterator that may block, read in a thread of its own: the loop goes on meanwhile."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


class Feed(Generic[T]):
    """Hands out an iterator's items, one for each that is asked for.

    The thread may wait for input for ever, and does not keep the process from ending.

    Args:
        items: is used by the thread alone.
    """

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self._loop = asyncio.get_running_loop()
        self._asked: SimpleQueue[asyncio.Future[T | None]] = SimpleQueue()
        threading.Thread(target=self._work, name="feed", daemon=True).start()

    async def next(self) -> T | None:
        """Return the next item, or None: there is no more; raises what the iterator raises."""
        future: asyncio.Future[T | None] = self._loop.create_future()
        self._asked.put(future)
        return await future

    def _work(self) -> None:
        while True:
            future = self._asked.get()
            try:
                item, error = next(self._items, None), None
            except Exception as raised:  # whoever asked shall have it
                item, error = None, raised
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(_settle, future, item, error)


def _settle(future: "asyncio.Future[T | None]", item: T | None, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(item)
    else:
        future.set_exception(error)
