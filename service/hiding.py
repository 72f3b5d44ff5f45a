"""Imports a module as if another one were not installed, which it would import for nothing."""

import sys
from importlib import import_module
from typing import Any


def import_without(hidden: str, module: str) -> None:
    """Import a module that can do without another one; what needs that imports it later.

    Args:
        hidden: what shall not be imported now; nothing is done if it was already.
        module: what shall be; nothing is done if it was already.
    """
    known: dict[str, Any] = sys.modules
    if hidden in known or module in known:
        return
    known[hidden] = None  # which Python takes for "cannot be imported"
    try:
        import_module(module)
    finally:
        del known[hidden]
