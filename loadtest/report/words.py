"""Numbers and settings as people read them."""

from loadtest.scenario import Scenario


def ms(value_s: float) -> str:
    """Return seconds as milliseconds, in about three digits."""
    value = value_s * 1000
    if value >= 1000:
        return f"{value:,.0f} ms"
    return f"{value:.0f} ms" if value >= 100 else f"{value:.3g} ms"


def rate(value_per_s: float) -> str:
    """Return a rate in about three digits."""
    return f"{value_per_s:,.0f}" if value_per_s >= 100 else f"{value_per_s:.3g}"


def count(number: int, noun: str) -> str:
    """Return "1 replica", "2 replicas", "3 retries"."""
    many = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else many}"


def load_model(scenario: Scenario) -> str:
    """Say in words whether the loop is open or closed, and how much load it is."""
    return scenario.load.words
