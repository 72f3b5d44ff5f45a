"""`python -m loadtest.emulated CONFIG.json`: a process of emulated replicas, until SIGTERM."""

import asyncio
import signal
import sys
from pathlib import Path
from random import Random

from loadtest.emulated.config import EmulatedConfig, read_config
from loadtest.emulated.replica import EmulatedReplica
from loadtest.emulated.server import EmulatedConnection, ReplicaState
from loadtest.emulated.service_time import ServiceTimes
from loadtest.loop import precise_loop

_DRAIN_S = 10.0


async def serve(config: EmulatedConfig) -> None:
    """Serve until SIGTERM, and then until what is in the replicas is answered."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    states = []
    for name, port in config.ports.items():
        # A string's seed does not depend on how replicas are dealt out to processes.
        random = Random(f"{config.seed} {name}")  # noqa: S311 - reproducible, not secret
        replica = EmulatedReplica(
            config.workers,
            config.max_batch_rows,
            config.max_queue,
            ServiceTimes(config.service, random),
        )
        state = ReplicaState(replica, config.answers)
        states.append(state)
        await loop.create_server(
            lambda state=state: EmulatedConnection(state),  # type: ignore[misc]
            config.host,
            port,
            backlog=1024,
        )
    await ended.wait()
    for state in states:
        state.ready = False
    deadline_s = loop.time() + _DRAIN_S
    # Polled: an event a request would cost more than the few looks at the end.
    while not all(s.replica.idle for s in states) and loop.time() < deadline_s:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=precise_loop) as runner:
        runner.run(serve(read_config(Path(sys.argv[1]))))
