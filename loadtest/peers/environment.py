"""A virtual environment a peer, made from its hashed requirements when it is first needed."""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

from loadtest.errors import ChildError
from loadtest.peers.catalogue import Peer

ROOT: Final = Path(".venv-peers")
_INSTALL_S: Final = 900.0


def python_of(peer: Peer, root: Path = ROOT) -> Path:
    """Return the Python of a peer's environment; makes it unless its requirements are installed.

    Raises:
        ChildError: what it needs cannot be installed here.
    """
    folder = root / peer.folder
    python = folder.resolve() / "bin" / "python"
    stamp = folder / f".installed-{_digest(peer.requirements)}"
    if stamp.exists() and python.exists():
        return python
    root.mkdir(parents=True, exist_ok=True)
    # Nobody shall have to remember to keep it out of a repository.
    (root / ".gitignore").write_text("*\n", encoding="utf-8")
    venv.create(folder, clear=True, with_pip=True)
    log = root / f"{peer.folder}.log"
    options = ["--quiet", "--disable-pip-version-check", "--require-hashes"]
    command = [str(python), "-m", "pip", "install", *options, "-r", str(peer.requirements)]
    with log.open("wb") as file:
        try:
            code = subprocess.run(  # noqa: S603 - our own command
                command, stdout=file, stderr=file, timeout=_INSTALL_S, check=False
            ).returncode
        except subprocess.TimeoutExpired as error:
            raise ChildError(f"{peer.folder} was not installed in {_INSTALL_S:g} s.") from error
    if code != 0:
        last = (log.read_text("utf-8", "replace").strip() or "(nothing)").splitlines()[-1]
        raise ChildError(f"{peer.folder} cannot be installed here; {log} ends with: {last}")
    stamp.touch()
    return python


def _digest(requirements: Path) -> str:
    python = f"{sys.version_info.major}.{sys.version_info.minor}".encode()
    return hashlib.sha256(python + requirements.read_bytes()).hexdigest()[:16]
