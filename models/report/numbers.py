"""Numbers as people read them."""

import math
from typing import Final

MINUS: Final = "\N{MINUS SIGN}"
PERCENT: Final = "\N{NO-BREAK SPACE}%"


def say(value: float, digits: int = 3) -> str:
    """Return a number in about so many digits, with a real minus and no exponent if it can be."""
    if math.isnan(value):
        return "not known"
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    size = abs(value)
    if size >= 10_000:
        text = f"{value:,.0f}" if size < 1e9 else f"{value:.{digits}g}"
    else:
        text = f"{value:.{digits}g}"
        # 1e+02 with one digit, 1.2e+03 with two: as long as a plain number, and harder to read.
        text = f"{value:,.0f}" if "e+" in text else text
    return text.replace("-", MINUS)


def percent(share: float) -> str:
    """Return a share in percent."""
    if math.isnan(share):
        return "not known"
    number = f"{share * 100:.1f}".removesuffix(".0").replace("-", MINUS)
    return f"{number}{PERCENT}"


def count(number: int, noun: str) -> str:
    """Return "1 row", "2 rows", "1,000 categories"."""
    if number == 1:
        return f"1 {noun}"
    plural = (
        f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}{'es' if noun[-1] == 's' else 's'}"
    )
    return f"{number:,} {plural}"


def listing(items: list[str], most: int = 8) -> str:
    """Return "a, b and c", or the first ones and how many more."""
    if len(items) > most:
        return f"{', '.join(items[:most])} and {len(items) - most:,} more"
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
