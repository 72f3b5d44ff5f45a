"""Loading and unloading by name, whichever way the call came."""

from service.errors import Unavailable, Unfit
from service.replica import Replica


async def load(replica: Replica, name: str, *, has_parameters: bool) -> None:
    """Serve what the store says of a model, now.

    Args:
        replica: serves it.
        name: the model.
        has_parameters: whether the call wants to say what is loaded, or how.

    Raises:
        NotFound: the store has no such model.
        Unfit: it could not be loaded, or there are parameters.
        Unavailable: it took too long.
    """
    if has_parameters:
        raise Unfit("Versions come from the store: load takes no parameters.")
    await replica.whole.show(name)
    # Looked up only now: the store may have had a name that the service had not seen yet.
    model = replica.catalogue.model(name)
    if model.refused or not model.served:
        reasons = "; ".join(model.refused.values()) or "no alias in use names a version"
        raise Unfit(f"{name} could not be loaded: {reasons}.")


async def unload(replica: Replica, name: str) -> None:
    """Serve nothing of a model until it is loaded again.

    Raises:
        NotFound: the store has no such model.
        Unavailable: it could not be unloaded, or it took too long.
    """
    replica.catalogue.model(name)
    await replica.whole.hide(name)
    left = replica.catalogue.models.get(name)
    if left is not None and left.served:
        raise Unavailable(f"{name} could not be unloaded now; the log says why.")
