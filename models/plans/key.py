"""What a plan depends on: libraries, processor, the forms' own code, and the artefact."""

import hashlib
import platform
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from models.libraries import installed_versions
from models.plans.plan import Key

LIBRARIES: Final = (
    "joblib",
    "llvmlite",
    "numba",
    "numpy",
    "pandas",
    "scikit-learn",
    "scipy",
)
CPUINFO: Final = Path("/proc/cpuinfo")
FORMS: Final = "models.forms"


def key_here(artefact: str) -> Key:
    """Return the key of an artefact, by its SHA-256, on this machine with what is installed."""
    model, flags = _processor()
    return Key(
        libraries=_libraries(),
        processor=model,
        flags=_sha256(" ".join(flags).encode()),
        forms=_forms(),
        artefact=artefact,
    )


def digest(key: Key) -> str:
    """Return a name for a key, 16 hexadecimal digits."""
    return _sha256(key.model_dump_json().encode())[:16]


def difference(kept: Key, here: Key) -> str:
    """Say in which way a kept plan's key is another one; empty if it is not."""
    then, now = kept.libraries, here.libraries
    changed = [
        f"{name} {then.get(name, 'absent')} then, {now.get(name, 'absent')} now"
        for name in sorted(then.keys() | now.keys())
        if then.get(name) != now.get(name)
    ]
    if (kept.processor, kept.flags) != (here.processor, here.flags):
        changed.append(f"another processor then, {kept.processor}")
    if kept.forms != here.forms:
        changed.append("another version of the forms' code then")
    if kept.artefact != here.artefact:
        changed.append("another artefact then")
    return "; ".join(changed)


@cache
def _libraries() -> dict[str, str]:
    return installed_versions(LIBRARIES)


@cache
def _processor() -> tuple[str, tuple[str, ...]]:
    """Return the first processor's model and flags; all of a machine are taken to be alike."""
    facts: dict[str, str] = {}
    try:
        for line in CPUINFO.read_text().partition("\n\n")[0].splitlines():
            name, _, value = line.partition(":")
            facts[name.strip()] = value.strip()
    except OSError:
        pass  # not Linux: the platform's word has to do
    flags = facts.get("flags") or facts.get("Features") or ""
    return facts.get("model name") or platform.processor() or platform.machine(), tuple(
        sorted(flags.split())
    )


@cache
def _forms() -> str:
    together = hashlib.sha256()
    for name, text in sorted(_sources(files(FORMS), "")):
        together.update(f"{name}\0{_sha256(text)}\n".encode())
    return together.hexdigest()


def _sources(folder: Traversable, path: str) -> list[tuple[str, bytes]]:
    found = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _sources(entry, f"{path}{entry.name}/")
        elif entry.name.endswith(".py"):
            found.append((path + entry.name, entry.read_bytes()))
    return found


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
