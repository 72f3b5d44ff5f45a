"""`python -m loadtest.balancer`: configuration on standard input, READY and the port on output.

The first line of standard input is the configuration as JSON. Each line after it is an order, and
is answered by one line:

    drain NAME SECONDS      nothing new for a replica; drained NAME, or busy NAME after the time
    undrain NAME            it may have requests again; undrained NAME

The balancer runs until SIGTERM, or until its standard input ends: with whoever started it.
"""

import asyncio
import os
import signal
import sys

import uvloop

from loadtest.balancer.config import BalancerConfig
from loadtest.balancer.server import Balancer, balancer

_MAX_ORDER_BYTES = 1024


async def serve(config: BalancerConfig) -> None:
    """Balance until told to end."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.add_signal_handler(signal.SIGINT, ended.set)
    async with balancer(config) as running:
        await running.probed.wait()
        _say(f"READY {running.address.port}")
        orders = asyncio.create_task(_take_orders(running))
        orders.add_done_callback(lambda _: ended.set())
        await ended.wait()
        orders.cancel()


async def _take_orders(running: Balancer) -> None:
    """Do what standard input says, one order after the other, until it ends."""
    reader = asyncio.StreamReader(_MAX_ORDER_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        match line.decode().split():
            case ["drain", name, seconds]:
                done = await running.drain(name, float(seconds))
                _say(f"{'drained' if done else 'busy'} {name}")
            case ["undrain", name]:
                running.undrain(name)
                _say(f"undrained {name}")
            case words:
                _say(f"unknown {' '.join(words)}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _first_line() -> str:
    """Read one line and nothing beyond it: what follows is for the event loop."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(sys.stdin.fileno(), 1)
        if not byte:
            break
        line += byte
    return line.decode()


if __name__ == "__main__":
    uvloop.run(serve(BalancerConfig.model_validate_json(_first_line())))
