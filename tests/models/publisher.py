"""Publishers for the tests of atomicity, run as a process of their own.

python publisher.py points ROOT first|next|promote     kill a fork at every line of the store
python publisher.py many ROOT COUNT                    publish COUNT versions, or be killed
"""

import os
import signal
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import models.store
from models.manifest import FileEntry, GoldenRows, Manifest
from models.schema import Column, OutputSchema, TabularSchema
from models.store import ARTEFACT, Store

WATCHED_EVENTS = ("open", "os.", "shutil.", "fcntl.")


def write(folder: Path) -> None:
    with (folder / ARTEFACT).open("wb") as file:
        for _ in range(2):
            file.write(os.urandom(1 << 12))
            file.flush()


def describe(version: int, files: dict[str, FileEntry]) -> Manifest:
    columns = (Column(name="x", dtype="float64", frame_dtype="float64"),)
    return Manifest(
        name="m",
        version=version,
        task="regression",
        created_at=datetime.now(UTC),
        files=files,
        versions={},
        input=TabularSchema(container="array", columns=columns),
        output=OutputSchema(kind="values", dtype="float64"),
        golden=GoldenRows(instances=(), predictions=()),
    )


def kill_self_at(point: int) -> None:
    """Die at the point-th line of the store's code or of `write`, or system call under it."""
    left = point
    files = {models.store.__file__, __file__}

    def pass_point() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def trace(frame: object, event: str, _arg: object) -> object:
        if event in {"line", "return"}:
            pass_point()
        return trace

    def enter(frame: object, _event: str, _arg: object) -> object:
        return trace if frame.f_code.co_filename in files else None  # type: ignore[attr-defined]

    def audit(event: str, _args: object) -> None:
        if event.startswith(WATCHED_EVENTS):
            pass_point()

    sys.addaudithook(audit)
    sys.settrace(enter)  # type: ignore[arg-type]


def forked(work: Callable[[], object], point: int) -> bool:
    """Do the work in a fork that dies at a point; say whether it did die."""
    child = os.fork()
    if child == 0:
        kill_self_at(point)
        work()
        sys.settrace(None)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status) == signal.SIGKILL
    if status != 0:
        raise RuntimeError(f"the publisher failed at point {point}")
    return False


def check(store: Store, at_least: int) -> list[int]:
    """Return the versions, all of them whole and every alias at one of them."""
    versions = store.versions("m")
    if len(versions) < at_least or versions != list(range(1, len(versions) + 1)):
        raise RuntimeError(f"lost a version: {versions}")
    for version in versions:
        store.check_files("m", version)
    aliases = store.aliases("m")
    if versions and aliases.get("production") not in versions:
        raise RuntimeError(f"{versions} are visible and production is nowhere: {aliases}")
    return versions


def kill_at_every_point(root: Path, mode: str) -> None:
    """Kill at point 1, 2, … until the work gets done; print what was met."""
    point, visible = 0, set()
    while True:
        point += 1
        with tempfile.TemporaryDirectory(dir=root) as folder:
            store = Store(Path(folder) / "store")
            for _ in range({"first": 0, "next": 1, "promote": 2}[mode]):
                store.publish("m", write, describe)
            before = len(store.versions("m"))
            if mode == "next":
                # A left-over of somebody who died earlier, to be removed on the way.
                (store.root / "m" / ".staging-0").mkdir()
                (store.root / "m" / ".staging-0" / ARTEFACT).write_bytes(b"half")
            died = forked(lambda: act(store, mode), point)  # noqa: B023 - called at once
            versions = check(store, before)
            visible.add((len(versions), store.aliases("m").get("production")))
            after = store.publish("m", write, describe)
            if after.version != len(versions) + 1 or list(store.root.glob("m/.staging-*")):
                raise RuntimeError(f"point {point}: the next publisher was disturbed")
            check(store, before + 1)
        if not died:
            print(point, sorted(visible, key=str), sep="\n")
            return


def act(store: Store, mode: str) -> None:
    if mode == "promote":
        store.promote("m", 2)
    else:
        store.publish("m", write, describe)


def main() -> None:
    mode, root, argument = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    if mode == "points":
        kill_at_every_point(root, argument)
        return
    print("ready", flush=True)
    for _ in range(int(argument)):
        Store(root).publish("m", write, describe)


if __name__ == "__main__":
    main()
