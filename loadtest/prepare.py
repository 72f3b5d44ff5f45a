"""The requests of a run before anybody listens: rows, their right answers, and bytes."""

from dataclasses import dataclass
from pathlib import Path

from loadtest.artefact import Artefact, read_artefact
from loadtest.http1 import Address
from loadtest.instances import read_images, read_rows
from loadtest.oracle import right_answers
from loadtest.payload import Answer, Batch, Expected, Request, draw_batches, predict_wire
from loadtest.scenario import Payload


@dataclass(frozen=True)
class Prepared:
    """Batches of rows and what the model in process answers to each."""

    artefact: Artefact
    payload: Payload
    batches: list[Batch]
    answers: list[Answer]

    def requests(self, target: Address) -> list[Request]:
        """Return the requests as bytes for a target."""
        probabilities, model = self.payload.probabilities, self.payload.model
        return [
            Request(
                wire=predict_wire(target, model, batch.instances, probabilities=probabilities),
                expected=Expected(
                    model=self.artefact.name,
                    labels=self.artefact.labels,
                    answers={self.artefact.version: answer},
                ),
                rows=len(batch.instances),
                weight=batch.weight,
            )
            for batch, answer in zip(self.batches, self.answers, strict=True)
        ]


def prepare(store: Path, payload: Payload, seed: int) -> Prepared:
    """Draw the requests' rows and have the reference answer them.

    Raises:
        ArtefactError: the store has no such model.
        OracleError: the reference process could not answer.
        ScenarioError: the file or folder of the payload cannot be used.
    """
    artefact = read_artefact(store, payload.model)
    instances = artefact.instances
    if payload.file is not None:
        instances = read_rows(payload.file, artefact)
    elif payload.images is not None:
        instances = read_images(payload.images, artefact)
    batches = draw_batches(instances, payload.sizes, payload.distinct_requests, seed)
    verdicts = right_answers(
        artefact, [batch.instances for batch in batches], probabilities=payload.probabilities
    )
    return Prepared(artefact, payload, batches, verdicts.answers)
