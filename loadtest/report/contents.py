"""What a folder holds, in the words of report.json, whichever command filled it."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from loadtest.errors import LoadTestError
from loadtest.report.report import VERSION
from loadtest.report.words import count, load_model, ms, rate
from loadtest.scenario import Scenario

Content = Mapping[str, Any]

REPORT: Final = "report.json"


def read_content(folder: Path) -> dict[str, Any]:
    """Return what the page's top and its tables are made of.

    Raises:
        LoadTestError: the folder holds nothing that this version can read.
    """
    for name, turn in _READERS.items():
        path = folder / name
        if path.exists():
            content = _json(path)
            written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            date = {"date": written.isoformat(timespec="seconds")}
            return date | turn(content, path)
    raise LoadTestError(
        f"{folder / REPORT} cannot be read: it is not there. Give the folder of a run (--out)."
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise LoadTestError(f"{path} cannot be read as JSON: {error}.") from error
    if not isinstance(content, dict):
        raise LoadTestError(f"{path} is no JSON object; this version reads {VERSION}.")
    return content


def _of_run(content: Content, path: Path) -> dict[str, Any]:
    found = content.get("schema_version")
    if found != VERSION:
        raise LoadTestError(
            f"{path} has schema_version {found}; this version reads {VERSION}. Run it again."
        )
    return dict(content)


def _of_search(content: Content, path: Path) -> dict[str, Any]:
    del path
    found = content.get("rate_per_s")
    words = "no rate is sustained" if found is None else f"{rate(found)} a second are sustained"
    scenario = Scenario.model_validate(content["scenario"])
    return {
        **{key: content[key] for key in ("kind", "command", "machine", "scenario")},
        "load_model": load_model(scenario),
        "warnings": [f"Under the SLO {words}."],
    }


def _of_series(content: Content, path: Path) -> dict[str, Any]:
    del path
    variants: Mapping[str, Any] = content["variants"]
    first = next(iter(variants.values()))["runs"][0]
    loads = dict.fromkeys(each["load_model"] for each in variants.values())
    return {
        "kind": " and ".join(sorted({each["kind"] for each in variants.values()})),
        "verdict": content["verdict"],
        "command": content["command"],
        "machine": first["machine"],
        "date": first["date"],
        "load_model": "; ".join(loads),
        "warnings": content["noisy"],
        "settings": {name: each["runs"][0]["scenario"] for name, each in variants.items()},
    }


def _of_prediction(content: Content, path: Path) -> dict[str, Any]:
    del path
    missed = content["verdict"] == "passed" and not content["accepted"]
    return {
        **{key: content[key] for key in ("kind", "command", "machine", "load_model", "scenario")},
        "verdict": "failed" if missed else content["verdict"],
        "warnings": [*content["sentences"], content["not_modelled"]],
    }


def _of_study(content: Content, path: Path) -> dict[str, Any]:
    del path
    return {
        "kind": "simulated",
        "machine": content["machine"],
        "command": content.get("command", ""),
        "load_model": _simulated_load(content["study"]),
        "warnings": [
            *_plans(content),
            f"Beside every figure: {content['standing']}.",
            content["not_modelled"],
        ],
        "settings": content["study"],
    }


def _simulated_load(study: Content) -> str:
    closed = study.get("closed")
    if not closed:
        return "open: simulated arrivals; see the study below"
    return (
        f"closed: simulated clients, {closed['think']} think time of {closed['think_s']:g} s;"
        " see the study below"
    )


def _plans(content: Content) -> list[str]:
    """Return the capacity plan, a sentence a policy."""
    goal = content["study"].get("plan")
    if not goal:
        return []
    asked = f"{rate(goal['rate_per_s'])} a second with p99 under {ms(goal['p99_s'])}"
    said = []
    for plan in content["plans"]:
        if plan["replicas"] is None:
            said.append(f"{plan['policy']}: no fleet that was looked at does {asked}.")
            continue
        fleet = f"{count(plan['replicas'], 'replica')} of {count(plan['workers'], 'worker')}"
        zone = plan["with_zone_lost"]
        more = "" if zone is None else f"; {zone:,} if a zone may be lost"
        said.append(f"{plan['policy']}: {asked} takes {fleet}{more}.")
    return said


_READERS: Final[Mapping[str, Callable[[Content, Path], dict[str, Any]]]] = {
    REPORT: _of_run,
    "series.json": _of_series,
    "search.json": _of_search,
    "simulation.json": _of_study,
    "prediction.json": _of_prediction,
}
