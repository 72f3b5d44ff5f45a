"""What a replica serves: names, versions and aliases, and how to reach each version."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from models.manifest import Manifest
from models.schema import TabularSchema
from models.store import PRODUCTION
from service.batching.cost import RowBytes
from service.batching.entry import Ask, Entry
from service.batching.open_streams import OpenStreams
from service.batching.outlook import Outlook
from service.codecs.answers import AnswerEncoder
from service.codecs.cells import CellPacker
from service.codecs.flags import Flags
from service.codecs.json_rows import JsonRows
from service.codecs.part_sizes import PartSizes
from service.codecs.table_rows import TableRows
from service.errors import NotFound, Unavailable
from service.inference.messages import Media
from service.metrics import ModelMetrics

REPORT: Final = "report/index.html"
"""Of a version's files the one that people read."""


class ServedVersion:
    """A version with all that a request needs, bound once.

    Args:
        manifest: the version's manifest.
        metrics: where its requests are counted.
        max_rows: the most rows in one request.

    Attributes:
        admit: lets a request pass or refuses it, before its body is read.
        submit: gives an entry to the generation that serves the version now.
        outlook: tells what would become of an entry that is computed now.
        refuse_guilty: refuses an entry that is submitted in parts if it ended two workers lately.
        condemn: hears that a part of an entry ended two workers.
        streams: those that this generation must outlive.
        flags: whether answers may tell of their rows' values.
        divisible: whether rows computed apart have the answers that they have together, but for
            1e-12. In float32 they have not: BLAS gives other last bits for other numbers of rows.
        part_sizes: by the kind of body, how much of the newest stream is computed at once.
        plan: which form computes batches of which size, or why scikit-learn computes all.
    """

    admit: Callable[[Ask], None]
    submit: Callable[[Entry], None]
    outlook: Callable[[Entry], Outlook]
    refuse_guilty: Callable[[Entry], None]
    condemn: Callable[[Entry], None]
    streams: OpenStreams

    def __init__(self, manifest: Manifest, metrics: ModelMetrics, max_rows: int) -> None:
        self.manifest = manifest
        self.plan: dict[str, Any] = {"ranges": [], "reason": "it is loading"}
        self.metrics = metrics
        self.requests = JsonRows(manifest, max_rows)
        self.encoder = AnswerEncoder(manifest)
        self.tabular = isinstance(manifest.input, TabularSchema)
        self.pack = (
            CellPacker(manifest.input).pack if isinstance(manifest.input, TabularSchema) else None
        )
        self.row_bytes = RowBytes()
        self.part_sizes: dict[Media, PartSizes] = {}
        self.has_probabilities = manifest.output.probabilities
        self.flags = isinstance(manifest.input, TabularSchema) and bool(Flags(manifest.input))
        self.divisible = not is_single_precision(manifest)
        self.rows = (
            TableRows(manifest.input, max_rows)
            if isinstance(manifest.input, TabularSchema)
            else None
        )

    def computed_by(self, ranges: Sequence[dict[str, Any]], reason: str) -> None:
        """Take notice of how the version is computed.

        Args:
            ranges: of each range of batch sizes its `form`, and `up_to_rows`.
            reason: why scikit-learn computes all; empty if it does not.
        """
        self.plan = {"ranges": list(ranges), "reason": reason}
        ends = [("+Inf" if one["up_to_rows"] is None else str(one["up_to_rows"])) for one in ranges]
        forms = tuple(zip(ends, (one["form"] for one in ranges), strict=True))
        self.metrics.forms = forms or (("+Inf", "scikit-learn"),)


def is_single_precision(manifest: Manifest) -> bool:
    """Return whether a model computes in float32, as far as its columns and answers tell."""
    if manifest.output.dtype == "float32":
        return True
    columns = manifest.input.columns if isinstance(manifest.input, TabularSchema) else ()
    return any(column.frame_dtype.lower() == "float32" for column in columns)


@dataclass(slots=True)
class CataloguedModel:
    """One name of the store."""

    name: str
    versions: list[int]
    aliases: dict[str, int]
    wanted: set[int] = field(default_factory=set)
    """Versions that should be served: an alias in use names them."""
    manifests: dict[int, Manifest] = field(default_factory=dict)
    """Manifests of the wanted versions, as far as they can be read."""
    served: dict[int, ServedVersion] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    """Version → why it is not served, for versions that should be."""
    effective: dict[str, int] = field(default_factory=dict)
    """Alias → the served version that answers for it: the alias's own, or, if that was refused,
    the one that answered before."""

    def resolve(self, which: int | str = PRODUCTION) -> ServedVersion:
        """Return the version that a number or an alias means.

        Raises:
            NotFound: there is none, or it is not served.
            Unavailable: it should be served but is loading or was refused.
        """
        version = self.aliases.get(which) if isinstance(which, str) else which
        if isinstance(which, str) and which in self.effective:
            return self.served[self.effective[which]]
        if version is None or version not in self.versions:
            kind = "label" if isinstance(which, str) else "version"
            raise NotFound(
                f"The model {self.name} has no {kind} {str(which)[:64]}.", code="version_not_found"
            )
        if version in self.served:
            return self.served[version]
        if version in self.refused:
            raise Unavailable(f"{self.name} {version} was refused: {self.refused[version]}")
        if version in self.wanted:
            raise Unavailable(f"{self.name} {version} is loading.")
        raise NotFound(
            f"{self.name} {version} is in the store but not served; served: "
            f"{', '.join(map(str, self.served)) or 'none'}.",
            code="version_not_served",
        )

    def production(self) -> int | None:
        """Return the version that answers for production, if there is one."""
        return self.effective.get(PRODUCTION, self.aliases.get(PRODUCTION))

    def missing(self) -> bool:
        """Return whether an alias in use has no version that answers for it."""
        answered = {alias for alias, version in self.aliases.items() if version in self.wanted}
        return not answered <= self.effective.keys()

    def describe(self) -> dict[str, Any]:
        """Return what /v1/models tells of this model."""
        production = self.production()
        states = dict.fromkeys(self.served, "served")
        states |= dict.fromkeys(self.refused, "refused")
        return {
            "name": self.name,
            "versions": self.versions,
            "aliases": self.aliases,
            "states": {
                str(version): states.get(version, "loading") for version in sorted(self.wanted)
            },
            "plans": {str(version): one.plan for version, one in self.served.items()},
            "effective": self.effective,
            "refused": {str(version): reason for version, reason in self.refused.items()},
            "production": _describe(self.manifests[production])
            if production in self.manifests
            else None,
        }


class Catalogue:
    """All names of the store.

    Args:
        models: one a name.
    """

    def __init__(self, models: dict[str, CataloguedModel]) -> None:
        self.models = models

    def model(self, name: str) -> CataloguedModel:
        """Return a model by name.

        Raises:
            NotFound: there is none.
        """
        found = self.models.get(name)
        if found is None:
            known = ", ".join(sorted(self.models)) or "none"
            raise NotFound(f"There is no model {name[:64]!r}. Models: {known}.")
        return found

    def wanted(self) -> dict[tuple[str, int], Manifest]:
        """Return the manifest of every version that should be served."""
        return {
            (model.name, version): manifest
            for model in self.models.values()
            for version, manifest in model.manifests.items()
        }

    def complete(self) -> bool:
        """Return whether every alias that should be served is, by its version or the one before."""
        return not any(model.missing() for model in self.models.values())


def _describe(manifest: Manifest) -> dict[str, Any]:
    told = manifest.model_dump(mode="json", exclude={"files", "golden", "format", "name"})
    path = f"/v1/models/{manifest.name}/versions/{manifest.version}/report"
    return told | {"report": path if REPORT in manifest.files else None}
