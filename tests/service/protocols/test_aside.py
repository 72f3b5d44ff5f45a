import asyncio
import threading

import pytest

from service.errors import Unreadable
from service.protocols.aside import Aside
from service.protocols.http import Client, ClientGone

LIMIT_S = 30.0


def test_the_loop_goes_on_while_work_is_done() -> None:
    async def scenario() -> str:
        may_end = threading.Event()

        def work() -> str:
            assert may_end.wait(LIMIT_S)
            return "done"

        running = asyncio.create_task(Aside().run(work, Client()))
        await asyncio.sleep(0)
        may_end.set()  # which nobody would do if the work was done in the loop
        return await running

    assert asyncio.run(scenario()) == "done"


def test_what_the_work_raises_is_raised() -> None:
    def work() -> None:
        raise Unreadable("no")

    async def scenario() -> None:
        client = Client()
        with pytest.raises(Unreadable):
            await Aside().run(work, client)
        assert client.waiting is None

    asyncio.run(scenario())


def test_a_client_that_goes_is_not_waited_for() -> None:
    async def scenario() -> None:
        may_end = threading.Event()
        client = Client()
        running = asyncio.create_task(Aside().run(lambda: may_end.wait(LIMIT_S), client))
        await asyncio.sleep(0)
        client.leave()
        with pytest.raises(ClientGone):
            await running
        may_end.set()

    asyncio.run(scenario())


def test_work_of_a_client_that_has_gone_is_not_begun() -> None:
    async def scenario() -> list[str]:
        aside, may_end, begun = Aside(), threading.Event(), list[str]()
        busy = [
            asyncio.create_task(aside.run(lambda: may_end.wait(LIMIT_S), Client()))
            for _ in range(8)
        ]
        client = Client()
        waiting = asyncio.create_task(aside.run(lambda: begun.append("begun"), client))
        await asyncio.sleep(0)
        client.leave()
        with pytest.raises(ClientGone):
            await waiting
        may_end.set()
        await asyncio.gather(*busy)
        await aside.run(lambda: begun.append("later"), Client())
        return begun

    assert asyncio.run(scenario()) == ["later"]
