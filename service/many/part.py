"""The whole service, as one of its API processes sees it: by asking the supervisor."""

from service.errors import Unavailable
from service.many.line import Line, Message
from service.many.sums import add_up
from service.whole import Overview

OVERVIEW_S = 3.0


class Part:
    """Asks the supervisor for what is known of all, and hands orders to it.

    Args:
        line: to the supervisor.
        load_timeout_s: longest time to load a model.
    """

    def __init__(self, line: Line, load_timeout_s: float) -> None:
        self._line = line
        self._order_s = load_timeout_s + OVERVIEW_S

    async def overview(self) -> Overview:
        """Return how all API processes together are.

        Raises:
            Unavailable: the supervisor does not tell.
        """
        return add_up([await self._ask({"ask": "overview"}, OVERVIEW_S)])

    async def reload(self) -> None:
        """Look at the store now."""
        self._line.send({"ask": "reload"})

    async def show(self, name: str) -> None:
        """Serve what the store says of a name (again), and look at it now.

        Raises:
            Unavailable: that took too long.
        """
        await self._order({"ask": "show", "name": name})

    async def hide(self, name: str) -> None:
        """Serve nothing of a name until it is shown again, or the service starts anew.

        Raises:
            Unavailable: that took too long.
        """
        await self._order({"ask": "hide", "name": name})

    async def _order(self, message: Message) -> None:
        if reason := (await self._ask(message, self._order_s))["reason"]:
            raise Unavailable(reason)

    async def _ask(self, message: Message, timeout_s: float) -> Message:
        try:
            return await self._line.ask(message, timeout_s)
        except TimeoutError:
            raise Unavailable("The supervisor of this service gives no answer.") from None
