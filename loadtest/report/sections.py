"""What stands on the page of a run, in order."""

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from loadtest.report.checks import checks
from loadtest.report.drawing import Plot
from loadtest.report.facts import Evidence
from loadtest.report.figures import Figures, Happening
from loadtest.report.page import Block, Code, Section, Table, Words
from loadtest.report.plots.curves import goodput_plot, latency_plot
from loadtest.report.plots.lag import lag_plot
from loadtest.report.plots.percentiles import percentile_plot
from loadtest.report.plots.predictions import predictions_plot
from loadtest.report.plots.profiles import profiles_plot
from loadtest.report.plots.rates import rates_plot
from loadtest.report.plots.ratios import ratios_plot
from loadtest.report.plots.replicas import replicas_plot
from loadtest.report.plots.stages import stages_plot
from loadtest.report.plots.timeline import timeline_plot
from loadtest.report.plots.variants import variants_plot
from loadtest.report.plots.workers import workers_plot
from loadtest.report.samples import Samples
from loadtest.report.stages import bands
from loadtest.report.tables import (
    curve_table,
    fault_table,
    percentile_table,
    prediction_table,
    ratio_table,
    replica_table,
    stages_table,
)
from loadtest.report.words import ms, rate


def sections(evidence: Evidence) -> list[Section]:
    """Return the sections; those that would be empty have no blocks."""
    content, samples, figures = evidence.content, evidence.samples, evidence.figures
    steady = samples and samples.after((content.get("warm_up") or {}).get("until_s", 0.0))
    spent = bands(steady) if steady else []
    return [
        _section("peers", "Peers", ratio_table(figures.ratios), ratios_plot(figures.ratios)),
        _section("checks", "Checks", _checks(content)),
        _section("load", "Load", *_load(evidence)),
        _section(
            "latency",
            "Latency",
            variants_plot(figures.variants),
            steady and percentile_plot(steady),
            samples and timeline_plot(samples, _happenings(content, figures)),
            steady and percentile_table(steady),
        ),
        _section("stages", "Where the time goes", stages_plot(spent), stages_table(spent)),
        _section("faults", "Faults", fault_table(content.get("faults", ()))),
        _section("replicas", "Replicas", *_replicas(evidence)),
        _section("simulator", "Simulated against measured", *_simulator(figures)),
        _section("generator", "The generator itself", *_generator(content), _lag(content, samples)),
        _section("scenario", "Scenario", *_scenario(content)),
    ]


_MaybeBlock: TypeAlias = Block | Samples | None
"""A block, or something empty that stands for there being none."""


def _section(key: str, title: str, *blocks: _MaybeBlock) -> Section:
    return Section(
        key, title, tuple(each for each in blocks if isinstance(each, Words | Code | Table | Plot))
    )


def _load(evidence: Evidence) -> tuple[_MaybeBlock, ...]:
    content, samples, curves = evidence.content, evidence.samples, evidence.figures.curves
    slo = (content.get("scenario") or {}).get("slo") or {}
    limit_s = slo.get("limit_s")
    return (
        goodput_plot(curves),
        latency_plot(curves, limit_s if slo.get("p") == 0.99 else None),
        curve_table(curves),
        samples and rates_plot(samples, is_open=_is_open(content), limit_s=limit_s),
    )


def _replicas(evidence: Evidence) -> tuple[_MaybeBlock, ...]:
    samples = evidence.samples
    return (
        replica_table(evidence.content.get("replicas", {})),
        samples and replicas_plot(samples),
        workers_plot(evidence.workers),
    )


def _simulator(figures: Figures) -> tuple[_MaybeBlock, ...]:
    return (
        profiles_plot(figures.profiles),
        predictions_plot(figures.predictions),
        prediction_table(figures.predictions),
    )


def _is_open(content: Mapping[str, Any]) -> bool:
    return str(content.get("load_model", "")).startswith("open")


def _happenings(content: Mapping[str, Any], figures: Figures) -> tuple[Happening, ...]:
    """Return what to mark over time; what was left out of the percentiles is one."""
    until_s = (content.get("warm_up") or {}).get("until_s", 0.0)
    warm_up = (Happening(name="warm-up, left out", start_s=0.0, end_s=until_s),) if until_s else ()
    injected = (each["fault"] for each in content.get("faults", ()))
    faults = (
        Happening(
            name=each["kind"],
            target=each["replica"],
            start_s=each["began_s"],
            end_s=each["ended_s"] if each["ended_s"] > each["began_s"] else None,
        )
        for each in injected
    )
    return (*warm_up, *faults, *figures.happenings)


def _lag(content: Mapping[str, Any], samples: Samples | None) -> Plot | None:
    return lag_plot(samples) if samples and _is_open(content) else None


def _checks(content: Mapping[str, Any]) -> Table | None:
    if "counts" not in content:
        return None
    rows = tuple(
        (check.name, "holds" if check.passed else "broken", check.said) for check in checks(content)
    )
    return Table(("check", "", "measured"), rows)


def _generator(content: Mapping[str, Any]) -> tuple[Block, ...]:
    generator = content.get("generator")
    if not generator:
        return ()
    rows = tuple(
        _measured(name, value)
        for name, value in generator.items()
        if isinstance(value, int | float)
    )
    words = "A run that the generator cannot vouch for is INVALID, never merely slow."
    return (Words(words), Table(("what", "value"), rows))


def _measured(name: str, value: float) -> tuple[str, str]:
    """Return a figure's name without its unit, and its value with it."""
    if name.endswith("_per_s"):
        return name.removesuffix("_per_s").replace("_", " "), f"{rate(value)} a second"
    if name.endswith("_s"):
        return name.removesuffix("_s").replace("_", " "), ms(value)
    return name.replace("_", " "), f"{value:.1%}"


def _scenario(content: Mapping[str, Any]) -> tuple[Block, ...]:
    scenario = content.get("scenario")
    if not scenario:
        settings = content.get("settings")
        return (Code(json.dumps(settings, indent=2)),) if settings else ()
    definition = content.get("percentiles", "")
    words = f"Percentiles: {definition}." if isinstance(definition, str) and definition else ""
    code = Code(json.dumps(scenario, indent=2))
    return (Words(words), code) if words else (code,)
