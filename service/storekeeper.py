"""What the store says should be served."""

from collections.abc import Callable

import structlog

from models.errors import StoreError
from models.plans.kept import plan_state
from models.store import PRODUCTION, Store
from service.catalogue import Catalogue, CataloguedModel

log = structlog.get_logger()


class Storekeeper:
    """Reads the store.

    Args:
        store: where the models are.
        aliases: versions that carry one of these should be served; `production` always is.
        on_refused: hears of a version whose manifest cannot be read: model, version, reason.

    Attributes:
        hidden: names of which nothing is served, whatever the store says.
    """

    def __init__(
        self,
        store: Store,
        aliases: tuple[str, ...],
        on_refused: Callable[[CataloguedModel, int, str], None],
    ) -> None:
        self._store = store
        self._used = {PRODUCTION, *aliases}
        self._on_refused = on_refused
        self.hidden: set[str] = set()

    def state(self) -> object:
        """Return something that differs when the store does."""
        state = self._store.state()
        plans = [
            self.plan_state(name, version)
            for name, _, aliases, _ in state
            for version in sorted(set(aliases.values()))
        ]
        return (state, plans) if state else None

    def plan_state(self, name: str, version: int) -> object:
        """Return something that differs when a plan of a version was made."""
        return plan_state(self._store, name, version)

    def read(self) -> Catalogue:
        """Return every name of the store, with the versions that should be served."""
        models = {}
        for name in self._store.names():
            try:
                model = CataloguedModel(name, self._store.versions(name), self._store.aliases(name))
            except StoreError as error:
                log.error("model_unreadable", model=name, reason=str(error))  # noqa: TRY400
                continue
            if name not in self.hidden:
                self._want(model)
            models[name] = model
        return Catalogue(models)

    def _want(self, model: CataloguedModel) -> None:
        used = self._used & model.aliases.keys()
        for version in sorted({model.aliases[alias] for alias in used}):
            model.wanted.add(version)
            try:
                model.manifests[version] = self._store.manifest(model.name, version)
            except StoreError as error:
                self._on_refused(model, version, str(error))
