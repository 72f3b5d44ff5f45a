"""What the rounds come to: figures for the report, a table for the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.table import Table
from rich.text import Text

from loadtest.peers.rounds import OURS, Cell, Round, cells_of, ratios
from loadtest.report.figures import Figures, Ratio
from loadtest.report.words import rate


@dataclass(frozen=True)
class Outcomes:
    """What was measured, and what could not be."""

    rounds: dict[str, list[Round]]
    """Peer → its rounds, and Percore's beside them."""
    failures: dict[str, str]
    """Peer → why it was not measured, or not to the end."""

    @property
    def warnings(self) -> list[str]:
        """Say what is missing, and which answers were not right."""
        told = [f"{peer} was not measured to the end: {why}" for peer, why in self.failures.items()]
        for rounds in self.rounds.values():
            told += [
                f"{each.server}, {each.cell.words}: {each.not_right:,} of {each.sent:,} answers"
                " were wrong, refused or lost; there is no ratio."
                for each in rounds
                if each.not_right
            ]
        return told

    @property
    def all_right(self) -> bool:
        """Whether every peer was measured and every answer was right."""
        return not self.warnings


def figures(outcomes: Outcomes) -> Figures:
    """Return the ratios to Percore; those that would compare failures with work are left out."""
    return Figures(
        ratios=tuple(
            ratio
            for peer, rounds in outcomes.rounds.items()
            for cell in cells_of(rounds)
            if (ratio := _ratio(rounds, peer, cell)) is not None
        )
    )


def show(outcomes: Outcomes, console: Console) -> None:
    """Print a line a peer and cell."""
    table = Table(title="Right answers a second, medians of alternating rounds")
    for name in ("peer", "connections", "rows", "peer's", "Percore's", "ratio"):
        table.add_column(name, justify="left" if name == "peer" else "right", no_wrap=True)
    for peer, rounds in outcomes.rounds.items():
        for cell in cells_of(rounds):
            theirs = [each for each in rounds if (each.server, each.cell) == (peer, cell)]
            ours = [each for each in rounds if (each.server, each.cell) == (OURS, cell)]
            if theirs and ours:
                found = _ratio(rounds, peer, cell)
                said = "none" if found is None else _said(found)
                shape = (str(cell.connections), f"{cell.rows:,}")
                table.add_row(peer, *shape, _rate(theirs), _rate(ours), said)
    console.print(table)
    for warning in outcomes.warnings:
        console.print(Text(f"Warning: {warning}", style="yellow"))


def _ratio(rounds: Sequence[Round], peer: str, cell: Cell) -> Ratio | None:
    found = ratios(rounds, peer, cell)
    if found is None:
        return None
    rates = {
        server: median(
            each.rate_per_s for each in rounds if (each.server, each.cell) == (server, cell)
        )
        for server in (peer, OURS)
    }
    return Ratio(
        peer=peer,
        cell=cell.words,
        median=found.median,
        low=found.low,
        high=found.high,
        peer_per_s=rates[peer],
        percore_per_s=rates[OURS],
    )


def _rate(rounds: Sequence[Round]) -> str:
    return rate(median(each.rate_per_s for each in rounds))


def _said(ratio: Ratio) -> str:
    return f"{ratio.median:.3g} ({ratio.low:.3g} to {ratio.high:.3g})"
