"""Which server is measured when, and what the rounds come to."""

import statistics

import pytest

from loadtest.peers.outcomes import Outcomes, figures
from loadtest.peers.rounds import OURS, Cell, Round, Spread, cells_of, interleaved, ratios, spread

ONE, MANY = Cell(1, 1), Cell(64, 1000)


def rounds(
    server: str, rates_per_s: list[float], cell: Cell = ONE, not_right: int = 0
) -> list[Round]:
    return [
        Round(server, cell, number, each, 0.01, None, not_right, 100)
        for number, each in enumerate(rates_per_s)
    ]


def test_rounds_alternate() -> None:
    assert interleaved("flask", 3) == [
        (0, OURS), (0, "flask"), (1, OURS), (1, "flask"), (2, OURS), (2, "flask"),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="0 rounds"):
        interleaved("flask", 0)


def test_each_round_is_compared_with_its_neighbour() -> None:
    # The machine slows down fourfold meanwhile: neighbours agree, medians of all would not.
    measured = rounds(OURS, [400, 200, 100]) + rounds("flask", [100, 50, 50])
    assert ratios(measured, "flask", ONE) == Spread(0.25, 0.25, 0.5)


def test_other_cells_and_other_peers_do_not_count() -> None:
    measured = (
        rounds(OURS, [100])
        + rounds("flask", [50])
        + rounds("mosec", [70])
        + rounds(OURS, [10], MANY)
        + rounds("flask", [30], MANY)
    )
    assert ratios(measured, "flask", ONE) == Spread(0.5, 0.5, 0.5)
    assert ratios(measured, "flask", MANY) == Spread(3, 3, 3)
    assert ratios(measured, "mosec", MANY) is None
    assert cells_of(measured) == [ONE, MANY]


@pytest.mark.parametrize("failing", [OURS, "flask"])
def test_there_is_no_ratio_of_failures(failing: str) -> None:
    measured = [
        *rounds(OURS, [100], not_right=int(failing == OURS)),
        *rounds("flask", [50], not_right=int(failing == "flask")),
    ]
    assert ratios(measured, "flask", ONE) is None
    outcomes = Outcomes({"flask": measured}, {})
    assert not outcomes.all_right
    assert outcomes.warnings == [
        f"{failing}, 1 connection, 1 row: 1 of 100 answers were wrong, refused or lost;"
        " there is no ratio."
    ]
    assert figures(outcomes).ratios == ()


def test_a_silent_percore_gives_no_ratio() -> None:
    assert ratios(rounds(OURS, [0]) + rounds("flask", [5]), "flask", ONE) is None


def test_a_spread_needs_values() -> None:
    assert spread([3, 1, 2]) == Spread(2, 1, 3)
    with pytest.raises(statistics.StatisticsError):
        spread([])


def test_figures_have_ratios_and_medians() -> None:
    measured = rounds(OURS, [100, 300, 200]) + rounds("flask", [50, 30, 100])
    (found,) = figures(Outcomes({"flask": measured}, {})).ratios
    assert (found.peer, found.cell) == ("flask", "1 connection, 1 row")
    assert (found.low, found.median, found.high) == (0.1, 0.5, 0.5)
    assert (found.peer_per_s, found.percore_per_s) == (50, 200)


def test_a_peer_that_was_not_measured_is_told_of() -> None:
    outcomes = Outcomes({"ray": []}, {"ray": "It cannot be installed."})
    assert outcomes.warnings == ["ray was not measured to the end: It cannot be installed."]
    assert not outcomes.all_right
