"""`python -m loadtest.balancer`: configuration on standard input, READY and the port on output.

The first line of standard input is the configuration as JSON. The balancer runs until SIGTERM,
or until its standard input ends: with whoever started it.
"""

import asyncio
import signal
import sys

import uvloop

from loadtest.balancer.config import BalancerConfig
from loadtest.balancer.server import balancer


async def serve(config: BalancerConfig) -> None:
    """Balance until told to end."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.add_signal_handler(signal.SIGINT, ended.set)
    loop.add_reader(sys.stdin.fileno(), ended.set)  # nothing more is sent, so readable means ended
    async with balancer(config) as address:
        sys.stdout.write(f"READY {address.port}\n")
        sys.stdout.flush()
        await ended.wait()


if __name__ == "__main__":
    uvloop.run(serve(BalancerConfig.model_validate_json(sys.stdin.readline())))
