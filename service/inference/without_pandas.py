"""Imports scikit-learn without pandas; import this before anything that imports scikit-learn.

`sklearn.utils.fixes` imports pandas if it can, and uses it for nothing. It takes 60 MB, which a
model that was fitted with arrays never needs. What does need it imports it later, as usual.
"""

import sys
from importlib import import_module
from typing import Any

HIDDEN = "pandas"


def _import_without(hidden: str, module: str) -> None:
    """Import a module that can do without another one, as if that were not installed."""
    known: dict[str, Any] = sys.modules
    if hidden in known or module in known:
        return
    known[hidden] = None  # which Python takes for "cannot be imported"
    try:
        import_module(module)
    finally:
        del known[hidden]


_import_without(HIDDEN, "sklearn.utils.fixes")
