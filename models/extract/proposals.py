"""Which kind of feature a column becomes in a draft."""

from typing import Final

from models.extract.facts import ColumnFacts

_ONEHOT_VALUES: Final = 30
_RESPONSE_VALUES: Final = 1000
_TEXT_WORDS: Final = 4.0
_FEW_ROWS: Final = 12


def feature_kind(facts: ColumnFacts) -> str:
    """Return the kind of feature for a column that is not left out."""
    if facts.type in ("integer", "number"):
        return "numeric"
    if facts.type != "text":
        return facts.type
    if facts.words >= _TEXT_WORDS:
        return "text"
    return "onehot" if facts.distinct <= _ONEHOT_VALUES else "response"


def why_left_out(facts: ColumnFacts) -> str:
    """Return why a column is no feature, or "" if it is one."""
    if facts.has_no_type:
        return f"{facts.unfit:,} of its values are no text, number, date or truth value"
    if facts.distinct < 2:
        return "it has no two different values"
    if facts.is_counter:
        return "it counts the rows"
    if facts.type != "text" or facts.words >= _TEXT_WORDS:
        return ""
    present = facts.rows - facts.missing
    if facts.distinct > 0.9 * present and present > _FEW_ROWS:
        return "nearly every row has another value"
    return "" if facts.distinct <= _RESPONSE_VALUES else f"it has {facts.distinct:,} values"
