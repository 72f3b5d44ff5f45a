"""From a fitted model to a visible version: describe it, save it, prove it, publish it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from models.artefact import modules_named, save
from models.derive import input_schema
from models.estimators import Estimator
from models.golden import golden_rows
from models.libraries import needed_versions
from models.manifest import FileEntry, GoldenRows, Lineage, Manifest, TrainingData
from models.outputs import ask, output_schema, task_of
from models.policies import Rule
from models.prove import Proof, Task, prove
from models.rows import Rows, to_instances
from models.schema import InputSchema, OutputSchema
from models.stages import SHOWN, Stage, Stages, plain
from models.store import ARTEFACT, Store, describe_file


@dataclass(frozen=True)
class Candidate:
    """A fitted model with the rows that tell what it takes and answers.

    Args:
        model: the fitted estimator.
        known: rows from which the schema is derived: the training rows, or a sample like them.
        held_out: rows that become golden and prove the stored copy, in the fitted order.
        names: columns of an array, in order.
        description: one or two sentences for a person.
        rules: policies that were asked for.
        metrics: on held-out rows.
        training: where the training rows came from; None if nobody said.
        lineage: what made it; None if no specification did.
        write_more: puts further files into the version's folder, such as a report.
    """

    model: Estimator
    known: Rows
    held_out: Rows
    names: tuple[str, ...] | None = None
    description: str = ""
    rules: tuple[Rule, ...] = ()
    metrics: dict[str, float] = field(default_factory=dict)
    training: TrainingData | None = None
    lineage: Lineage | None = None
    write_more: "Callable[[Path, Facts], None] | None" = None


@dataclass(frozen=True)
class Facts:
    """What was found out about a candidate by looking and asking."""

    input: InputSchema
    output: OutputSchema
    golden: GoldenRows


@dataclass(frozen=True)
class Release:
    """A published version and the proof that came before it."""

    manifest: Manifest
    proof: Proof


def examine(candidate: Candidate) -> Facts:
    """Derive schema, answers and golden rows.

    Raises:
        RefusedModel: the model cannot be served as it is, and why.
    """
    schema = input_schema(candidate.model, candidate.known, candidate.names, candidate.rules)
    output = output_schema(candidate.model, candidate.known)
    golden = golden_rows(candidate.model, candidate.held_out, schema, output)
    return Facts(schema, output, golden)


def release(store: Store, name: str, candidate: Candidate, stages: Stages) -> Release:
    """Publish a candidate, once a fresh process has loaded it and answered the same.

    Args:
        store: where to.
        name: the model's name.
        candidate: the fitted model.
        stages: told of save, load and predict.

    Raises:
        RefusedModel: the model cannot be served as it is, and why.
        ArtefactError: the saved model answers something else than the fitted one.
        StoreError: the store refuses the name.
    """
    facts = examine(candidate)
    proofs: list[Proof] = []
    modules: set[str] = set()

    def write(folder: Path) -> None:
        artefact = folder / ARTEFACT
        with stages.stage("save") as out:
            save(candidate.model, artefact)
            modules.update(modules_named(artefact))
            out.shape = f"{ARTEFACT}, {artefact.stat().st_size:,} bytes"
            out.sample = f"sha256 {describe_file(artefact).sha256[:16]}…"
        proofs.append(_prove_saved(candidate, facts, artefact, stages))
        if candidate.write_more is not None:
            candidate.write_more(folder, facts)

    def describe(version: int, files: dict[str, FileEntry]) -> Manifest:
        return Manifest(
            name=name,
            version=version,
            task=task_of(candidate.model),
            description=candidate.description,
            created_at=datetime.now(UTC),
            files=files,
            versions=needed_versions(facts.input, modules),
            input=facts.input,
            output=facts.output,
            metrics=candidate.metrics,
            training=candidate.training,
            lineage=candidate.lineage,
            golden=facts.golden,
        )

    manifest = store.publish(name, write, describe)
    return Release(manifest, proofs[0])


def _prove_saved(candidate: Candidate, facts: Facts, artefact: Path, stages: Stages) -> Proof:
    """Compare a fresh process's answers to every held-out row with the fitted model's own."""
    answers = ask(candidate.model, candidate.held_out, probabilities=facts.output.probabilities)
    predictions, probabilities = answers.as_json()
    with stages.stage("load") as out:
        task = Task(
            artefact=artefact,
            entry=describe_file(artefact),
            input=facts.input,
            probabilities=facts.output.probabilities,
            instances=list(to_instances(facts.input, candidate.held_out)),
        )
        proof = prove(task, predictions, probabilities)
        out.shape = "in a fresh process, hash checked"
        out.sample = f"of this, {proof.load_s:.3f} s to hash and load"
    shape = f"{proof.rows} held-out rows, there and here"
    same = (
        f"largest difference {proof.largest_difference:.1e}"
        if proof.largest_difference
        else "identical"
    )
    sample = ", ".join(map(plain, predictions[:SHOWN]))
    stages.report(Stage("predict", shape, f"{same}: {sample}, …", proof.predict_s))
    return proof
