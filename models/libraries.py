"""Versions of Python and of the libraries that a model needs."""

import platform
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from typing import Final

from models.schema import ImageSchema, InputSchema

ALWAYS: Final = ("scikit-learn", "numpy", "scipy", "joblib")


def needed_versions(schema: InputSchema, modules: Iterable[str]) -> dict[str, str]:
    """Return distribution → version, "python" first.

    Args:
        schema: what the model takes; frames need pandas and pictures need pillow.
        modules: the modules that the artefact names.
    """
    needed = set(ALWAYS)
    if isinstance(schema, ImageSchema):
        needed.add("pillow")
    elif schema.container == "frame":
        needed.add("pandas")
    distributions = _distributions()
    # Percore itself is left out: its own classes come with whatever serves the model.
    for module in {name.partition(".")[0] for name in modules} - {"models"}:
        needed.update(distributions.get(module, ()))
    installed = installed_versions(needed)
    return {"python": installed["python"]} | {
        name: installed[name] for name in sorted(needed) if name in installed
    }


@cache
def _distributions() -> Mapping[str, list[str]]:
    # Reading what is installed takes a third of a second, and does not change under a process.
    return packages_distributions()


def installed_versions(names: Iterable[str]) -> dict[str, str]:
    """Return distribution → installed version, without those that are not installed."""
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
