"""The generated parts that tell what the benchmark measured: the README's table, and all of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from loadtest.bench.growth.plots import drawing
from loadtest.bench.growth.results import GrowthResults
from loadtest.bench.results import PERCORE, CellResult, Footprint, Promise, Results

MEGABYTE = 1 << 20
NOTHING = "Nothing has been measured on a quiet machine yet."


def short_table(results: Results) -> str:
    """Return a row a cell: Percore, the best peer, and the ratio of the two."""
    if not results.cells:
        return NOTHING
    head = ["model", "request", "Percore, rows/s", "best peer, rows/s", "ratio", "p99 ms, both"]
    rows = [_line(head), "|---|---|--:|--:|--:|--:|"]
    rows += [_short_row(cell) for cell in results.cells.values() if PERCORE in cell.servers]
    return "\n".join([*rows, "", *_notes(results)])


def full_tables(results: Results) -> str:
    """Return every server of every cell, what each needs, and what it can promise."""
    if not results.cells:
        return NOTHING
    parts = [
        "\n".join(_cell_table(model, _of_model(results, model)))
        for model in dict.fromkeys(cell.model for cell in results.cells.values())
    ]
    parts.append("\n".join(_footprints(results.footprints)))
    if results.promises:
        parts.append("\n".join(_promises(results.promises.values())))
    return "\n\n".join([*parts, "\n".join(_notes(results))])


def growth_table(results: GrowthResults) -> str:
    """Return a row a curve: from where to where, and the slope."""
    if not results.curves:
        return NOTHING
    rows = [_line(["what grows", "measured", "from", "to", "slope", "fitted from"])]
    rows.append("|---|---|--:|--:|--:|--:|")
    for curve in results.curves.values():
        first, last = curve.points[0], curve.points[-1]
        ends = [f"{each.size:,}: {each.value:,.4g} {curve.unit}" for each in (first, last)]
        rows.append(
            _line(
                [curve.grows, curve.measured, *ends, f"{curve.slope:.2f}", f"{curve.fitted_from:,}"]
            )
        )
    names = dict.fromkeys(map(drawing, results.curves))
    drawings = [f"![How cost grows](figures/{name}.svg)" for name in names]
    return "\n".join([*rows, "", *drawings])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _of_model(results: Results, model: str) -> list[CellResult]:
    return [cell for cell in results.cells.values() if cell.model == model]


def _short_row(cell: CellResult) -> str:
    ours, peer = cell.servers[PERCORE], cell.best_peer
    rate = f"{ours.middle('rate_per_s') * cell.rows:,.0f}"
    p99 = f"{ours.middle('p99_s') * 1e3:.1f}"
    if peer is None:
        return _line([cell.model, cell.words, rate, "none takes it", "", p99])
    theirs = cell.servers[peer]
    middle, low, high = cell.ratio(peer)
    return _line(
        [
            cell.model,
            cell.words,
            rate,
            f"{theirs.form} {theirs.middle('rate_per_s') * cell.rows:,.0f}",
            f"{middle:.2f} ({low:.2f} to {high:.2f})",
            f"{p99}, {theirs.middle('p99_s') * 1e3:.1f}",
        ]
    )


def _cell_table(model: str, cells: Sequence[CellResult]) -> Iterator[str]:
    yield f"### {model}"
    yield ""
    yield f"![Rows a second of every server, cell by cell](figures/bench-{model}.svg)"
    yield ""
    names = ["request", "server", "rows/s", "least to greatest", "p50 ms", "p99 ms", "cores"]
    yield _line([*names, "wrong or failed", "verified"])
    yield "|---|---|--:|--:|--:|--:|--:|--:|--:|"
    for cell in cells:
        for each in cell.servers.values():
            low, high = (end * cell.rows for end in each.ends("rate_per_s"))
            yield _line(
                [
                    cell.words,
                    each.form,
                    f"{each.middle('rate_per_s') * cell.rows:,.0f}",
                    f"{low:,.0f} to {high:,.0f}",
                    f"{each.middle('p50_s') * 1e3:.2f}",
                    f"{each.middle('p99_s') * 1e3:.2f}",
                    f"{each.middle('cores'):.2f}",
                    str(each.bad),
                    f"{each.verified + sum(run.checked for run in each.runs):,}",
                ]
            )
    left_out = dict.fromkeys(
        f"{name}, {cell.words}: {why}." for cell in cells for name, why in cell.left_out.items()
    )
    if left_out:
        yield ""
        yield f"Left out: {' '.join(left_out)}"


def _footprints(footprints: Mapping[str, Footprint]) -> Iterator[str]:
    yield "### What each needs"
    yield ""
    yield _line(["model", "server", "start s", "processes", "MB at first", "MB after the load"])
    yield "|---|---|--:|--:|--:|--:|"
    for each in footprints.values():
        sizes = [f"{size / MEGABYTE:,.0f}" for size in (each.start_bytes, each.loaded_bytes)]
        yield _line([each.model, each.form, f"{each.start_s:.2f}", str(each.processes), *sizes])


def _promises(promises: Iterable[Promise]) -> Iterator[str]:
    yield "### At 70 % of what each can do"
    yield ""
    heads = ["capacity/s", "asked/s", "warm-up s", "p50 ms", "p99 ms", "client late, p99 ms"]
    yield _line(["model", "server", *heads, "wrong or failed"])
    yield "|---|---|--:|--:|--:|--:|--:|--:|--:|"
    for each in promises:
        rates = [f"{rate:,.0f}" for rate in (each.capacity_per_s, each.rate_per_s)]
        late = (each.p50_s, each.p99_s, each.lag_p99_s)
        times = ["none" if s is None else f"{s * 1e3:.2f}" for s in late]
        rates.append(f"{each.warm_up_s:.2f}")
        yield _line([each.model, each.form, *rates, *times, f"{each.bad} of {each.sent:,}"])


def _notes(results: Results) -> Iterator[str]:
    """Yield where, when and with what it was measured: one sentence if all cells agree."""
    machine = results.machine
    cells = results.cells.values()
    system = str(machine["system"]).partition("-")[0]
    runs = sorted({len(each.runs) for cell in cells for each in cell.servers.values()})
    seconds = sorted({cell.seconds for cell in cells})
    yield (
        f"{machine['cores']} cores ({machine['cpu']}), {system}, Python {machine['python']},"
        f" {_together(sorted({cell.date[:10] for cell in cells}))};"
        f" {_together(sorted({cell.generator for cell in cells}))} on the same cores;"
        f" {_together(runs)} runs of {_together([f'{each:g}' for each in seconds])} s by turns,"
        f" {_together(sorted(_versions(cells)))}."
    )


def _versions(cells: Iterable[CellResult]) -> set[str]:
    return {f"{name} {version}" for cell in cells for name, version in cell.versions.items()}


def _together(parts: Sequence[object]) -> str:
    return ", ".join(map(str, parts))
