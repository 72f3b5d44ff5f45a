"""One run of a specification, and what is said of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.commands.engines import SpecifiedEngine
from models.commands.plan import make_plan_of
from models.console import console, stage_table
from models.lifecycle import Done, Job, run
from models.places import Places
from models.spec import read_specification
from models.store import Store

TOML = ".toml"
OUTCOMES = {
    "promoted": "published and promoted",
    "kept": "published",
    "refused": "published, not promoted",
}


def job_of(file: Path, store: Path, data: Path | None, work: Path | None) -> Job:
    """Return what a specification file asks for."""
    spec = read_specification(file)
    places = Places(data or file.parent, work or Path("work") / spec.model.name)
    return Job(spec, file.resolve().parent, Store(store), places)


@dataclass(frozen=True)
class Teller:
    """Says what came of a run, and makes the version's plan.

    Args:
        job: what was run.
        plan: whether a published version gets its plan at once.
        as_json: whether standard output is for a program.
    """

    job: Job
    plan: bool
    as_json: bool

    def words(self, done: Done) -> str:
        """Return a line for people."""
        name, entry = self.job.spec.model.name, done.entry
        if entry.version is None:
            return f"{name}: nothing new: {entry.words}"
        metrics = ", ".join(f"{metric} {value:.4f}" for metric, value in entry.metrics.items())
        return (
            f"{OUTCOMES[entry.outcome]} {name} {entry.version} ({metrics}; on held-out rows):"
            f" {entry.words}"
        )

    def facts(self, done: Done) -> dict[str, Any]:
        """Return the same for programs."""
        return {"name": self.job.spec.model.name, **done.entry.model_dump(mode="json")}

    def make_plan(self, done: Done) -> None:
        """Make the plan of a version that was published, if one was and is to have one."""
        if self.plan and done.entry.version is not None:
            name = self.job.spec.model.name
            make_plan_of(self.job.store, name, done.entry.version, as_json=self.as_json)


def train_specification(teller: Teller, master: str) -> dict[str, Any]:
    """Run a specification once, and say what came of it; return that for programs."""
    job, as_json = teller.job, teller.as_json
    with stage_table(f"train {job.spec.model.name}", stderr=as_json) as stages:
        done = run(job, SpecifiedEngine(master), stages)
    console(stderr=as_json).print(teller.words(done), soft_wrap=True)
    teller.make_plan(done)
    return teller.facts(done)
