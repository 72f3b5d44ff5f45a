"""What was measured: versions of Percore, the libraries and the peers."""

import re
import subprocess
from collections.abc import Iterable
from importlib.metadata import version
from typing import Final

from loadtest.peers.catalogue import Peer

_OURS: Final = ("scikit-learn", "numpy", "uvicorn", "fastapi")


def versions_of(peers: Iterable[Peer]) -> dict[str, str]:
    """Return name → version of the libraries here and of these peers; Percore's is its commit."""
    found = {name: version(name) for name in _OURS} | {"percore": _commit()}
    for peer in peers:
        text = peer.requirements.read_text(encoding="utf-8")
        pinned = re.search(rf"^{re.escape(peer.folder)}(?:\[.*\])?==([^ ;\\]+)", text, re.MULTILINE)
        if pinned:
            found[peer.folder] = pinned[1]
    return dict(sorted(found.items()))


def _commit() -> str:
    """Return the commit that is checked out, or that this is no checkout."""
    command = ["git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return "not from a checkout"
    return done.stdout.strip() or "not from a checkout"
