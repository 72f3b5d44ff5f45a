"""The balancer as a whole: listens, probes the replicas, hangs up on the idle."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from loadtest.balancer.config import BalancerConfig
from loadtest.balancer.health import watch
from loadtest.balancer.policy import Policy, make_policy
from loadtest.balancer.proxy import ClientConnection, Forwarder
from loadtest.http1 import Address


@asynccontextmanager
async def balancer(config: BalancerConfig, policy: Policy | None = None) -> AsyncIterator[Address]:
    """Run a balancer in this event loop and give the address that it listens on.

    Args:
        config: replicas, policy and limits.
        policy: used instead of the one that the configuration names.
    """
    names = [replica.name for replica in config.replicas]
    policy = policy or make_policy(config.policy, names, config.seed)
    forwarder = Forwarder(config, policy)
    clients: set[ClientConnection] = set()

    def tell(name: str, ready: bool) -> None:
        policy.set_ready(name, ready=ready)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: ClientConnection(forwarder, config, clients), config.host, config.port, backlog=1024
    )
    tasks = [loop.create_task(watch(replica, config, tell)) for replica in config.replicas]
    tasks.append(loop.create_task(_hang_up_on_idle(clients, config.client_idle_s)))
    try:
        yield Address(config.host, server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in list(clients):
            client.hang_up()
        await server.wait_closed()
        forwarder.close()


async def _hang_up_on_idle(clients: set[ClientConnection], idle_s: float) -> None:
    while True:
        await asyncio.sleep(min(idle_s / 4, 5.0))
        oldest_s = time.monotonic() - idle_s
        for client in list(clients):
            if not client.busy and client.idle_since_s < oldest_s:
                client.hang_up()
