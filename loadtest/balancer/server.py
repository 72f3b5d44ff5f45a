"""The balancer as a whole: listens, probes the replicas, hangs up on the idle."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

from loadtest.balancer.attempts import Attempts
from loadtest.balancer.config import BalancerConfig
from loadtest.balancer.dispatcher import Dispatcher
from loadtest.balancer.forwarder import Forwarder
from loadtest.balancer.health import watch
from loadtest.balancer.policies import Policy, make_policy
from loadtest.balancer.proxy import ClientConnection
from loadtest.balancer.roster import Roster
from loadtest.balancer.tally import EventLog, Tally
from loadtest.http1 import Address

_TURN_S = 0.02
"""How often the balancer looks whether somebody who waits can be served, or a drain is over."""


@dataclass(frozen=True)
class Balancer:
    """A balancer that runs."""

    address: Address
    tally: Tally
    roster: Roster
    dispatcher: Dispatcher
    probed: asyncio.Event
    """Every replica has been asked once whether it is ready."""

    async def drain(self, replica: str, timeout_s: float) -> bool:
        """Give a replica nothing new and wait for what it has.

        Returns:
            Whether nothing is outstanding there; False if the time was over before.
        """
        self.roster.set_draining(replica, time.monotonic(), draining=True)
        try:
            async with asyncio.timeout(timeout_s):
                while self.dispatcher.outstanding(replica):  # noqa: ASYNC110
                    await asyncio.sleep(_TURN_S)
        except TimeoutError:
            return False
        return True

    def undrain(self, replica: str) -> None:
        """Let a replica have requests again."""
        self.roster.set_draining(replica, time.monotonic(), draining=False)
        self.dispatcher.serve_queue()


@asynccontextmanager
async def balancer(config: BalancerConfig, policy: Policy | None = None) -> AsyncIterator[Balancer]:
    """Run a balancer in this event loop.

    Args:
        config: replicas, policy and limits.
        policy: used instead of the one that the configuration names.
    """
    names = [replica.name for replica in config.replicas]
    policy = policy or make_policy(config.policy, names, config.seed, config.policy_settings)
    tally, events = Tally(), EventLog(config.events)
    roster = Roster(config, Random(config.seed), events.tell)  # noqa: S311 - reproducible
    dispatcher = Dispatcher(config, policy, roster)
    forwarder = Forwarder(config, Attempts(config, dispatcher, tally), dispatcher, tally)
    clients: set[ClientConnection] = set()

    probed, unheard = asyncio.Event(), set(names)

    def tell(name: str, ready: bool) -> None:
        unheard.discard(name)
        if not unheard:
            probed.set()
        roster.set_ready(name, time.monotonic(), ready=ready)
        dispatcher.serve_queue()

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: ClientConnection(forwarder, config, clients), config.host, config.port, backlog=1024
    )
    tasks = [loop.create_task(watch(each, config.probes, tell)) for each in config.replicas]
    tasks.append(loop.create_task(_hang_up_on_idle(clients, config.client_idle_s)))
    tasks.append(loop.create_task(_serve_the_queue(dispatcher)))
    address = Address(config.host, server.sockets[0].getsockname()[1])
    try:
        yield Balancer(address, tally, roster, dispatcher, probed)
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in list(clients):
            client.hang_up()
        await server.wait_closed()
        forwarder.close()
        tally.longest_queue = dispatcher.longest_queue
        events.close(tally)


async def _serve_the_queue(dispatcher: Dispatcher) -> None:
    """Look again and again: an ejection ends by the clock alone, and nobody tells."""
    while True:
        await asyncio.sleep(_TURN_S)
        dispatcher.serve_queue()


async def _hang_up_on_idle(clients: set[ClientConnection], idle_s: float) -> None:
    while True:
        await asyncio.sleep(min(idle_s / 4, 5.0))
        oldest_s = time.monotonic() - idle_s
        for client in list(clients):
            if not client.busy and client.idle_since_s < oldest_s:
                client.hang_up()
