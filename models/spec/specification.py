"""The whole specification, and what its parts must agree on."""

from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from models.manifest import ModelName
from models.policies import ANY, read_rule
from models.spec.base import Part
from models.spec.columns import ColumnContract
from models.spec.features import AnyFeature
from models.spec.fitting import Fit, Medium, Split
from models.spec.publishing import Publish
from models.spec.sources import AnySource, SparkSource


class ModelPart(Part):
    """What is made."""

    name: ModelName
    """Its name in the store, and in the service's paths."""
    description: str = ""
    """A sentence or two for people."""
    task: Literal["classification", "regression"]
    engine: Literal["memory", "batches", "spark"] = "memory"
    """memory: all rows at once; batches: more rows than fit into memory; spark: on a cluster."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Of everything that is drawn: equal seeds and rows make equal models."""


class Target(Part):
    """What is predicted."""

    column: str


class Specification(Part):
    """One model's life cycle."""

    model: ModelPart
    source: AnySource
    columns: Annotated[dict[str, ColumnContract], Field(min_length=1)]
    """Name → contract, of the columns that are taken, the target among them."""
    target: Target
    features: Annotated[tuple[AnyFeature, ...], Field(min_length=1)]
    split: Split = Split()
    fit: Fit
    medium: Medium = Medium()
    publish: Publish = Publish()

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        used = [name for rule in self.features for name in rule.columns]
        named = {
            "features": used,
            "target": [self.target.column],
            "publish.slices": self.publish.slices,
            "split.group": [self.split.group] if self.split.group else [],
        }
        for where, names in named.items():
            for name in names:
                if name not in self.columns:
                    known = ", ".join(self.columns)
                    raise ValueError(f"{where} names {name!r}; [columns] has {known}")
        twice = [name for name, count in Counter(used).items() if count > 1]
        if twice:
            raise ValueError(f"features: {twice[0]!r} stands in two rules; each column has one")
        if self.target.column in used:
            raise ValueError(f"features: {self.target.column!r} is the target")
        pictures = [rule for rule in self.features if rule.kind == "picture"]
        if pictures and (len(self.features) > 1 or len(pictures[0].columns) > 1):
            raise ValueError("features: a picture must be the only feature")
        if isinstance(self.source, SparkSource) and self.model.engine != "spark":
            raise ValueError('source: kind = "spark" needs engine = "spark" under [model]')
        self._check_mark()
        self._check_policies(used)
        return self

    def _check_mark(self) -> None:
        if self.source.mark is None:
            return
        name = self.source.mark.column
        contract = self.columns.get(name)
        if contract is None:
            known = ", ".join(self.columns)
            raise ValueError(f"source.mark names {name!r}; [columns] has {known}")
        if contract.nullable or contract.type in ("boolean", "picture"):
            raise ValueError(
                f"source.mark: {name!r} must be a number, a date or a text that is never missing"
            )

    def _check_policies(self, used: list[str]) -> None:
        for text in self.publish.policies:
            try:
                column = read_rule(text).column
            except ValueError as error:
                raise ValueError(f"publish.policies: {error}") from error
            if column != ANY and column not in used:
                raise ValueError(
                    f"publish.policies: {text!r} names no column of [[features]]; they have"
                    f" {', '.join(used)}"
                )

    @property
    def metric(self) -> str:
        """The metric's name that decides."""
        by_task = {"classification": "accuracy", "regression": "r2"}
        return self.fit.metric or by_task[self.model.task]

    def feature_columns(self) -> list[str]:
        """Return the columns that the model takes, in the order of [columns]."""
        used = {name for rule in self.features for name in rule.columns}
        return [name for name in self.columns if name in used]
