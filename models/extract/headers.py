"""Whether a source has the columns that are asked for."""

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence

from models.errors import BadData
from models.spec import Specification

_SHOWN = 60
_DELIMITERS = ";,\t|"


def wanted_columns(spec: Specification) -> dict[str, str]:
    """Return name in the source → name in the specification."""
    return {rule.source or name: name for name, rule in spec.columns.items()}


def require_columns(present: Sequence[str], wanted: Iterable[str], where: str) -> None:
    """Refuse a source without the wanted columns, or with two of the same name.

    Raises:
        BadData: it names them, and what there is.
    """
    absent = [name for name in wanted if name not in present]
    if absent:
        shown = ", ".join(present[:_SHOWN]) + (", …" if len(present) > _SHOWN else "")
        near = difflib.get_close_matches(absent[0], present, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        if len(present) == 1:
            inside = [sign for sign in _DELIMITERS if sign in present[0]]
            hint = f"; is source.delimiter {inside[0]!r}?" if inside else hint
        names = ", ".join(map(repr, absent))
        raise BadData(f"{where} has no column {names}; it has: {shown or 'none'}{hint}")
    counts = Counter(present)
    twins = [name for name in wanted if counts[name] > 1]
    if twins:
        raise BadData(f"{where} has {counts[twins[0]]} columns {twins[0]!r}; rename one of them")
