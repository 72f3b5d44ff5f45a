"""A throw-away PostgreSQL on loopback."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_S = 30.0
SUPERUSER = "percore_test"


def binaries() -> Path | None:
    """Return the folder of the newest PostgreSQL's programs; None without one."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: int(path.parts[-3]),
    )
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


def owner() -> int | None:
    """Return who may run the server, if it is not us: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    return None


@contextmanager
def cluster(programs: Path, password: str) -> Iterator[int]:
    """Run a server with a database of its own; give its port."""
    user = owner()
    folder = Path(tempfile.mkdtemp(prefix="percore-pg-"))
    try:
        (folder / "password").write_text(password)
        if user is not None:
            for path in (folder, folder / "password"):
                os.chown(path, user, -1)
        data = folder / "data"
        subprocess.run(
            [
                programs / "initdb", "-D", data, "-U", SUPERUSER, "-A", "scram-sha-256",
                f"--pwfile={folder / 'password'}", "--no-sync", "--no-instructions",
                "--encoding=UTF8", "--locale=C",
            ],
            user=user, check=True, capture_output=True, timeout=300, cwd=folder,
        )  # fmt: skip
        port = _free_port()
        server = subprocess.Popen(
            [
                programs / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-F",
                "-c", f"unix_socket_directories={folder}",
            ],
            user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
        )  # fmt: skip
        try:
            _await(programs, port)
            yield port
        finally:
            server.terminate()
            try:
                server.wait(START_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait(START_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(programs: Path, port: int) -> None:
    deadline = time.monotonic() + START_S
    ready = [str(programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(port)]
    while subprocess.run(ready, check=False, capture_output=True, timeout=10).returncode:
        if time.monotonic() > deadline:
            raise TimeoutError("PostgreSQL did not start")
        time.sleep(0.1)
