"""A session of the benchmark: model after model, each cell kept as soon as it is measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from loadtest.bench.asking import Asking, asking
from loadtest.bench.cells import Cell, best_form
from loadtest.bench.contest import Contest, contest, forms_of, now
from loadtest.bench.promise import promise
from loadtest.bench.results import PERCORE, CellResult, Results, read_results, write_results
from loadtest.bench.shelf import Shelf, Stored
from loadtest.bench.turns import Pace, generator_words, take_turns
from loadtest.bench.versions import versions_of
from loadtest.machine import this_machine
from loadtest.peers.catalogue import Peer

PROMISED: Final = ("forest", "c64")
"""The cell whose measurement brings the promises with it."""
PROMISE_RUNS: Final = 2
"""How many times as long as a run each of its two loads is."""

Tell = Callable[[str], None]
Chosen = Mapping[str, Peer | None]
"""Family → the form of it that a cell has; None: it does not take such bodies."""


@dataclass(frozen=True)
class Session:
    """What is measured, how, and where it goes.

    Args:
        out: the file of results; what it holds of other cells stays.
        shelf: the models.
        peers: by family, or by form.
        workers: of each server.
        pace: how long and how often.
        resume: leave cells alone that the file has with all these peers and as many runs.
        command: how all this was asked for, for the record.
    """

    out: Path
    shelf: Shelf
    peers: tuple[str, ...]
    workers: int
    pace: Pace
    resume: bool
    command: str

    def measure(self, plan: Sequence[tuple[str, Cell]], tell: Tell) -> Results:
        """Measure the cells of a plan and return everything that the file then holds.

        Raises:
            LoadTestError: a model cannot be had, Percore does not start, or a generator failed.
        """
        results = read_results(self.out)
        results.machine = asdict(this_machine())
        if self.resume:
            servers = (PERCORE, *self.peers)
            runs = self.pace.runs
            plan = [
                (model, cell)
                for model, cell in plan
                if not results.has(f"{model}/{cell.name}", servers, runs)
            ]
        for model, group in groupby(plan, key=lambda each: each[0]):
            self._measure_model(model, [cell for _, cell in group], results, tell)
        return results

    def _measure_model(
        self, model: str, cells: Sequence[Cell], results: Results, tell: Tell
    ) -> None:
        def told(words: str) -> None:
            tell(f"{model}: {words}")

        told("fitting and registering, if it is not there")
        stored = self.shelf.stored(model)
        chosen = [{peer: best_form(peer, model, cell) for peer in self.peers} for cell in cells]
        told("computing the right answers")
        first = asking(stored, cells[0])
        with TemporaryDirectory(prefix="percore-bench-") as name:
            folder, store = Path(name), self.shelf.store(model)
            with contest(first, store, forms_of(chosen), self.workers, folder, told) as running:
                for cell, forms in zip(cells, chosen, strict=True):
                    key = f"{model}/{cell.name}"
                    cell_folder = folder / cell.name
                    cell_folder.mkdir()
                    results.cells[key] = self._measure_cell(
                        cell, forms, _again(stored, cell, first), running, cell_folder, told
                    )
                    write_results(results, self.out)
                if PROMISED in {(model, cell.name) for cell in cells}:
                    self._measure_promises(first, results, running, folder, told)
                for form, runner in running.runners.items():
                    results.footprints[f"{model}/{form}"] = runner.footprint(model)
                write_results(results, self.out)

    def _measure_promises(
        self,
        first: Asking,
        results: Results,
        running: Contest,
        folder: Path,
        tell: Tell,
    ) -> None:
        """Measure what Percore and the best peer of the cell can promise."""
        model, cell = PROMISED
        known = results.cells[f"{model}/{cell}"]
        for name in (PERCORE, known.best_peer):
            if name is None or known.servers[name].form not in running.runners:
                continue
            runner = running.runners[known.servers[name].form]
            seconds = PROMISE_RUNS * self.pace.seconds
            found = promise(name, runner, first, seconds, folder, tell)
            results.promises[f"{model}/{name}"] = found

    def _measure_cell(
        self, cell: Cell, forms: Chosen, asked: Asking, running: Contest, folder: Path, tell: Tell
    ) -> CellResult:
        def told(words: str) -> None:
            tell(f"{cell.name}: {words}")

        runners = {PERCORE: running.runners[PERCORE]}
        left_out = {}
        for family, peer in forms.items():
            if peer is None:
                left_out[family] = f"does not take {cell.form} as it is set up here"
            elif peer.name in running.runners:
                runners[family] = running.runners[peer.name]
            else:
                left_out[family] = running.left_out[peer.name]
        servers, wrong = take_turns(cell, asked, runners, self.pace, folder, told)
        used = [peer for peer in forms.values() if peer is not None]
        return CellResult(
            model=asked.stored.artefact.name,
            cell=cell.name,
            words=cell.words,
            connections=cell.connections,
            rows=cell.rows,
            generator=generator_words(),
            seconds=self.pace.seconds,
            date=now(),
            command=self.command,
            versions=versions_of(used),
            servers=servers,
            left_out=left_out | wrong,
        )


def _again(stored: Stored, cell: Cell, known: Asking) -> Asking:
    """Return the cell's requests; those at hand if they are the same."""
    same = known.form == cell.form and len(known.batches[0]) == cell.rows
    return known if same else asking(stored, cell)
