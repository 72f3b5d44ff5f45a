"""The loader: loads every model once and forks the workers; it never predicts.

    python -m service.inference.loader CONTROL_FD STORE MAX_ROWS MAX_PIXELS PLANS TOLERANCE

It has one thread, always: a fork copies only the thread that calls it. It obeys small JSON
messages on its control socket, and ends with its workers when that socket closes.

    {"do": "load", "name": …, "version": …}   {"did": "loaded", …} or {"did": "refused", …};
                                              with "plain": true without forms
    {"do": "fall_back", "model": 0, …}        no answer; scikit-learn computes it from now on
    {"do": "drop", "models": [0]}             no answer; the numbers are free again
    {"do": "branch", "name": "percore-…"}     {"did": "branched", …} with the control socket and the
                                              pidfd of a loader that has the same models attached
    {"do": "become", "worker": 7}             {"did": "forked", …}: it is a worker now, no loader
    {"do": "import", "modules": […]}          no answer
    {"do": "fork", "worker": 7}               {"did": "forked", …} with the worker's socket and
                                              pidfd attached, or {"did": "failed", …};
                                              {"did": "ended", …} when the worker has ended
"""

# isort: off
import service.inference.without_pandas  # noqa: F401  # before whatever imports scikit-learn
# isort: on

import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from models.errors import StoreError
from models.plans.plan import Policy, Trust
from models.store import Store
from service.inference.artefact import load_estimator, reason_of
from service.inference.deaths import confess_suicide
from service.inference.limits import Limits
from service.inference.model import Model
from service.inference.plans import find_forms, give_up_plan
from service.inference.worker import is_single_threaded, run_worker

MAX_MESSAGE_BYTES = 1 << 16
BRANCH = 0
"""Stands where a worker's number stands, for a child that is a loader."""
_libc = ctypes.CDLL(None)


class Loader:
    """Holds the models and the children.

    Args:
        control: the API process's other end is the only master; a SOCK_SEQPACKET socket.
        store: where the artefacts are.
        limits: of requests, and which plans are used.
    """

    def __init__(self, control: socket.socket, store: Store, limits: Limits) -> None:
        self._control = control
        self._store = store
        self._limits = limits
        self._trust = Trust(policy=limits.plans, tolerance=limits.plan_tolerance)
        self._models: list[Model | None] = []
        self._children: dict[int, tuple[int, int]] = {}  # pidfd → worker, pid
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def run(self) -> None:
        """Obey until the control socket closes; then end every worker that is left."""
        while True:
            # One event a turn: after a branch, the rest would be the events of another process.
            # Deaths come first: a batch waits for their cause.
            ready = [descriptor for descriptor, _ in self._poll.poll()]
            descriptor = max(ready, key=self._children.__contains__)
            if descriptor in self._children:
                self._reap(descriptor)
            elif message := self._control.recv(MAX_MESSAGE_BYTES):
                self._obey(json.loads(message))
            else:
                self._end_workers()
                return

    def _obey(self, order: dict[str, Any]) -> None:
        if order["do"] == "load":
            self._load(order["name"], order["version"], plain=order.get("plain", False))
        elif order["do"] == "fall_back":
            self._fall_back(order["model"], order["reason"])
        elif order["do"] == "import":
            for module in order["modules"]:
                with suppress(ImportError):
                    importlib.import_module(module)
            self._settle()
        elif order["do"] == "drop":
            for number in order["models"]:
                self._models[number] = None
            self._settle()
        elif order["do"] == "branch":
            self._branch(order["name"])
        elif order["do"] == "fork":
            self._fork(order["worker"])
        elif order["do"] == "become":
            self._become(order["worker"])

    def _load(self, name: str, version: int, *, plain: bool) -> None:
        about = {"name": name, "version": version}
        started = time.monotonic()
        try:
            manifest = self._store.manifest(name, version)
            estimator = load_estimator(self._store, manifest)
            trust = Trust(policy="off") if plain else self._trust
            plan = find_forms(self._store, manifest, estimator, trust)
            rows, pixels = self._limits.max_rows, self._limits.max_pixels
            model = Model(estimator, manifest, rows, pixels, plan)
        except StoreError as error:
            self._tell({"did": "refused", **about, "reason": str(error)[:1000]})
        except Exception as error:
            # Whatever is wrong with one model, the others are innocent.
            why = f"it cannot be prepared: {type(error).__name__}: {reason_of(error)}"
            self._tell({"did": "refused", **about, "reason": why[:1000]})
        else:
            number = self._place(model)
            seconds = time.monotonic() - started
            threads = len(os.listdir("/proc/self/task"))
            about |= {"index": number, "seconds": seconds, "threads": threads}
            about |= {"plan": plan.told()}
            self._tell({"did": "loaded", **about})
        self._settle()

    def _fall_back(self, number: int, reason: str) -> None:
        """Fork no worker any more that uses the model's forms, and use its plan never again."""
        model = self._models[number]
        if model is not None:
            model.predictor.fall_back()
            give_up_plan(self._store, model.manifest, reason)

    def _place(self, model: Model) -> int:
        """Keep a model under the first free number."""
        if None in self._models:
            number = self._models.index(None)
            self._models[number] = model
        else:
            number = len(self._models)
            self._models.append(model)
        return number

    def _settle(self) -> None:
        """Leave nothing behind that would be copied into every worker."""
        gc.collect()
        _libc.malloc_trim(0)
        gc.freeze()

    def _fork(self, worker: int) -> None:
        if not is_single_threaded():
            reason = "the loader has threads: a model started them while it was loaded"
            self._tell({"did": "failed", "worker": worker, "reason": reason})
            return
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            ours.close()
            self._become_worker(worker, theirs)
        theirs.close()
        pidfd = os.pidfd_open(pid)
        self._children[pidfd] = (worker, pid)
        self._poll.register(pidfd, select.POLLIN)
        self._hand_over(worker, pid, pidfd, ours)

    def _branch(self, name: str) -> None:
        """Fork a loader: it has all models for nothing, and lives on when this one ends."""
        if not is_single_threaded():
            self._tell({"did": "failed", "worker": BRANCH, "reason": "the loader has threads"})
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            name_process(name)
            ours.close()
            self._control.close()
            for pidfd in self._children:
                os.close(pidfd)
            self._children = {}
            self._control = theirs
            self._poll = select.poll()
            self._poll.register(theirs, select.POLLIN)
            return
        theirs.close()
        pidfd = os.pidfd_open(pid)
        self._children[pidfd] = (BRANCH, pid)
        self._poll.register(pidfd, select.POLLIN)
        self._hand_over(BRANCH, pid, pidfd, ours)

    def _become(self, worker: int) -> None:
        """Be a worker from now on: a process with threads must not fork, but it may serve."""
        ours, theirs = socket.socketpair()
        pidfd = os.pidfd_open(os.getpid())
        self._hand_over(worker, os.getpid(), pidfd, ours)
        os.close(pidfd)
        self._become_worker(worker, theirs)

    def _hand_over(self, worker: int, pid: int, pidfd: int, connection: socket.socket) -> None:
        message = {"did": "forked", "worker": worker, "pid": pid}
        descriptors = [connection.fileno(), pidfd]
        socket.send_fds(self._control, [json.dumps(message).encode()], descriptors)
        connection.close()

    def _become_worker(self, worker: int, connection: socket.socket) -> None:
        """Serve until the end of file, then leave without the loader's exit handlers."""
        status = 1
        try:
            # A sibling's or the loader's descriptor, kept open here, would hide its end of file.
            self._control.close()
            for pidfd in self._children:
                os.close(pidfd)
            name_process(f"percore-w{worker}")
            confess_suicide()
            # Standard error has JSON lines only, and a client must not decide how many.
            warnings.simplefilter("ignore")
            run_worker(connection, self._models)
            status = 0
        except (BrokenPipeError, ConnectionResetError):
            status = 0  # the API process went away while this worker was answering
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _end_workers(self) -> None:
        """Leave no worker behind, and no zombie either; a branch lives on."""
        for pidfd, (worker, pid) in self._children.items():
            if worker != BRANCH:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                os.waitpid(pid, 0)

    def _reap(self, pidfd: int) -> None:
        worker, pid = self._children.pop(pidfd)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if worker != BRANCH:
            self._tell({"did": "ended", "worker": worker, "pid": pid, "status": code})

    def _tell(self, message: dict[str, Any]) -> None:
        self._control.send(json.dumps(message).encode())


def name_process(name: str) -> None:
    """Show `name` (15 characters) in ps and top."""
    pr_set_name = 15
    _libc.prctl(pr_set_name, name.encode()[:15], 0, 0, 0)


def main() -> None:
    """Run the loader on the descriptor that the command line names."""
    descriptor, store, max_rows, max_pixels, plans, tolerance = sys.argv[1:]
    limits = Limits(int(max_rows), int(max_pixels), cast("Policy", plans), float(tolerance))
    # Ctrl-C and service managers signal the whole group; only the API process decides.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    gc.disable()
    name_process("percore-loader")
    control = socket.socket(fileno=int(descriptor))
    with suppress(BrokenPipeError):  # the API process may go away in the middle of a message
        Loader(control, Store(Path(store)), limits).run()


if __name__ == "__main__":
    main()
