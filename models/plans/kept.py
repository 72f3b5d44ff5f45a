"""Where plans lie: beside the versions, one file for each machine and set of libraries.

    store/<name>/plans/<version>/<key>.json         the plan
                                 <key>.withdrawn    why it is not used any more, if that is so

A plan that cannot be read, is of another key, or was withdrawn is not used, and why is told.
"""

import os
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from models.manifest import Manifest
from models.plans.key import difference, digest
from models.plans.plan import Key, Plan
from models.store import ARTEFACT, Store

PLANS: Final = "plans"
COMMAND: Final = "python -m models plan"


class NoPlan(Exception):
    """There is no plan to use; the text says why and what to do."""


def read_plan(store: Store, manifest: Manifest, key: Key) -> Plan:
    """Return the plan of a version for this key.

    Raises:
        NoPlan: there is none that can be used.
    """
    file = plan_file(store, manifest.name, manifest.version, key)
    again = f"`{COMMAND} {manifest.name} {manifest.version}"
    reason = _withdrawn(file)
    if reason:
        raise NoPlan(f"its plan was withdrawn ({reason}); {again} --again` makes another")
    try:
        plan = Plan.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        raise NoPlan(f"{_others(file, key)}; {again}` makes one") from None
    except (OSError, ValidationError) as error:
        words = str(error).splitlines()[0]
        raise NoPlan(
            f"its plan cannot be read ({words}); {again} --again` makes another"
        ) from error
    foreign = difference(plan.key, key)
    if (plan.name, plan.version) != (manifest.name, manifest.version):
        foreign = f"it is of {plan.name} {plan.version}"
    elif plan.key.artefact != manifest.files[ARTEFACT].sha256:
        foreign = "it is of another artefact"
    if foreign:
        raise NoPlan(f"its plan does not hold here ({foreign}); {again} --again` makes another")
    return plan


def keep_plan(store: Store, plan: Plan) -> Path:
    """Write a plan; whoever reads meanwhile sees the old one or the new one."""
    file = plan_file(store, plan.name, plan.version, plan.key)
    file.parent.mkdir(parents=True, exist_ok=True)
    _replace(file, plan.model_dump_json(indent=1) + "\n")
    _withdrawal(file).unlink(missing_ok=True)
    return file


def withdraw_plan(store: Store, name: str, version: int, key: Key, reason: str) -> None:
    """Let a plan not be used until another is made.

    Raises:
        OSError: the store cannot be written.
    """
    file = plan_file(store, name, version, key)
    if file.exists():
        _replace(_withdrawal(file), reason + "\n")


def plan_state(store: Store, name: str, version: int) -> list[tuple[str, int]]:
    """Return what tells one state of a version's plans from the next: compare two of them."""
    folder = store.folder(name, version).parent / PLANS / str(version)
    return sorted(
        (entry.name, entry.stat().st_mtime_ns)
        for entry in (os.scandir(folder) if folder.is_dir() else ())
        if entry.name.endswith(".json")
    )


def plan_file(store: Store, name: str, version: int, key: Key) -> Path:
    """Return where the plan of a version lies, or would."""
    return store.folder(name, version).parent / PLANS / str(version) / f"{digest(key)}.json"


def _withdrawal(file: Path) -> Path:
    return file.with_suffix(".withdrawn")


def _withdrawn(file: Path) -> str:
    try:
        return _withdrawal(file).read_text("utf-8", errors="replace").strip() or "nobody said why"
    except OSError:
        return ""


def _others(file: Path, key: Key) -> str:
    """Say what plans there are instead of the one that is not there."""
    for other in sorted(file.parent.glob("*.json")):
        try:
            kept = Plan.model_validate_json(other.read_bytes())
        except (OSError, ValidationError):
            continue
        return f"it has a plan, but not for here ({difference(kept.key, key)})"
    return "it has no plan"


def _replace(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}.draft")
    try:
        with draft.open("w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
