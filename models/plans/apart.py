"""Planning in a process of its own: with one thread, as a worker has, and with a time limit.

    parent ── Task, JSON on stdin ──▶ python -m models.plans.apart ── JSON lines ──▶ parent

A library that ends its process, hangs or keeps memory ends the planning and nothing else.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from models.errors import StoreError
from models.plans.kept import NoPlan, keep_plan, read_plan
from models.plans.key import key_here
from models.plans.make import Tell, Wish, make_plan
from models.plans.plan import Plan, Trust
from models.schema import Frozen
from models.store import ARTEFACT, Store
from models.stored import load_stored

TIMEOUT_S: Final = 600.0
ONE_THREAD: Final = {
    f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL", "NUMEXPR", "NUMBA")
}
_ROOT: Final = Path(__file__).resolve().parent.parent.parent


class NotPlanned(StoreError):
    """No plan could be made; the text says why. The version serves all the same."""


class Task(Frozen):
    """What the other process is to do."""

    store: str
    name: str
    version: int
    trust: Trust


def plan_version(
    store: Store,
    name: str,
    version: int,
    trust: Trust,
    tell: Tell = lambda *_: None,
    timeout_s: float = TIMEOUT_S,
) -> Plan:
    """Make a version's plan for this machine, and keep it beside the version.

    Args:
        store: holds the version.
        name: the model's name.
        version: the version's number.
        trust: what differences are taken.
        tell: hears how far it is.
        timeout_s: the longest time that it may take.

    Raises:
        NotPlanned: the process failed, or took too long.
    """
    task = Task(store=str(store.root), name=name, version=version, trust=trust)
    out_of_time = threading.Event()
    with _started() as child:

        def give_up() -> None:
            out_of_time.set()
            child.kill()

        timer = threading.Timer(timeout_s, give_up)
        timer.start()
        last = _LastLine(child.stderr)
        last.start()
        try:
            plan = _hear(child, task, tell)
            if plan is None:
                child.wait(timeout_s)  # it may still be saying why
        finally:
            timer.cancel()
            child.kill()
            last.join()
    if plan is not None:
        return plan
    if out_of_time.is_set():
        raise NotPlanned(f"{name} {version}: there was no plan after {timeout_s:g} s")
    raise NotPlanned(f"{name} {version}: no plan could be made: {last.text}")


def _started() -> "subprocess.Popen[bytes]":
    inherited = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(_ROOT), *([inherited] if inherited else [])])
    return subprocess.Popen(
        [sys.executable, "-m", "models.plans.apart"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | ONE_THREAD | {"PYTHONPATH": path},
    )


class _LastLine(threading.Thread):
    """Reads a stream to its end, so that its writer never waits, and keeps the last line."""

    def __init__(self, stream: Any) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self.text = ""

    def run(self) -> None:
        """Read."""
        for line in self._stream:
            self.text = line.decode(errors="replace").strip() or self.text


def _hear(child: "subprocess.Popen[bytes]", task: Task, tell: Tell) -> Plan | None:
    """Give the task, and take what is told; return the plan, if one came."""
    assert child.stdin is not None  # noqa: S101
    assert child.stdout is not None  # noqa: S101
    try:
        child.stdin.write(task.model_dump_json().encode())
        child.stdin.close()
    except BrokenPipeError:
        return None
    for line in child.stdout:
        told = json.loads(line)
        if "plan" in told:
            return Plan.model_validate_json(json.dumps(told["plan"]))
        tell(told["doing"], told["part"])
    return None


def work(task: Task, tell: Callable[[dict[str, Any]], None]) -> None:
    """Make and keep a plan; runs in the other process."""
    store = Store(Path(task.store))
    stored = load_stored(store, task.name, task.version)
    key = key_here(stored.manifest.files[ARTEFACT].sha256)
    try:
        former = read_plan(store, stored.manifest, key)
    except NoPlan:
        former = None
    plan = make_plan(
        stored.model,
        stored.manifest,
        key,
        Wish(task.trust, former),
        lambda doing, part: tell({"doing": doing, "part": part}),
    )
    keep_plan(store, plan)
    tell({"plan": plan.model_dump(mode="json")})


def main() -> None:
    """Do one task from stdin."""
    # What a model prints must not mix with what is told.
    descriptor = os.dup(1)
    os.dup2(2, 1)
    task = Task.model_validate_json(sys.stdin.buffer.read())
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        work(task, lambda told: print(json.dumps(told), file=out, flush=True))


if __name__ == "__main__":
    main()
