"""An unfitted estimator from its choice."""

import difflib
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from models.errors import BadSpecification
from models.estimators import Estimator
from models.fit import boosters
from models.fit.classes import Task, class_named, parameters_of
from models.fit.encoded import EncodedLabels
from models.spec.fitting import EstimatorChoice

_ONE_MEMBER: Final = ("estimator", "base_estimator", "regressor", "classifier")
"""How estimators name the one that they hold."""


def build_estimator(choice: EstimatorChoice, task: Task, seed: int) -> Estimator:
    """Return an unfitted estimator.

    Args:
        choice: its name, parameters and members.
        task: what it is for.
        seed: of its `random_state` and that of everything inside, wherever none is given.

    Raises:
        BadSpecification: there is no such estimator or parameter, and which is near it.
    """
    made = _made(choice, task)
    seed_all(made, seed)
    return made


def seed_all(model: Estimator, seed: int) -> None:
    """Set `random_state` wherever there is one and none is given.

    The model's own is the seed; what is inside has seeds drawn from it, so that two members of one
    kind differ.
    """
    free = sorted(
        name
        for name, value in model.get_params(deep=True).items()
        if name.rpartition("__")[2] == "random_state" and value is None
    )
    draws = np.random.default_rng(seed).integers(0, 2**31, len(free)).tolist()
    model.set_params(
        **{
            name: seed if "__" not in name else drawn
            for name, drawn in zip(free, draws, strict=True)
        }
    )


def _made(choice: EstimatorChoice, task: Task) -> Estimator:
    kind = class_named(choice.name, task)
    known = parameters_of(kind)
    parameters = dict(choice.parameters)
    taken = [*known, *boosters.more_parameters(choice.name)]
    for name in parameters:
        _refuse_unknown(choice.name, name, taken)
    parameters |= _members(choice, task, known)
    parameters |= _final(choice, task, known)
    if choice.name in boosters.NAMES:
        parameters = boosters.quiet(choice.name) | parameters
    try:
        made = kind(**parameters)
    except TypeError as error:
        raise BadSpecification(f"fit.estimator: {choice.name} cannot be made: {error}") from error
    return EncodedLabels(made) if choice.name in boosters.NEED_NUMBERED_CLASSES else made


def _refuse_unknown(estimator: str, name: str, known: Sequence[str]) -> None:
    if name in known:
        return
    close = difflib.get_close_matches(name, known, 1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    listed = ", ".join(sorted(known)) or "none"
    raise BadSpecification(
        f"fit.estimator: {estimator} has no parameter {name!r}{hint} It has: {listed}"
    )


def _members(choice: EstimatorChoice, task: Task, known: Sequence[str]) -> dict[str, Any]:
    if not choice.members:
        if "estimators" in known:
            raise BadSpecification(
                f"fit.estimator: {choice.name} joins others: name them under"
                " [[fit.estimator.members]]"
            )
        return {}
    made = [_made(member, task) for member in choice.members]
    if "estimators" in known:
        return {"estimators": list(zip(_names(choice.members), made, strict=True))}
    slot = next((name for name in _ONE_MEMBER if name in known), None)
    if slot is None:
        raise BadSpecification(f"fit.estimator: {choice.name} has no members; leave them out")
    if len(made) > 1:
        raise BadSpecification(
            f"fit.estimator: {choice.name} has one member, and {len(made)} are given"
        )
    return {slot: made[0]}


def _final(choice: EstimatorChoice, task: Task, known: Sequence[str]) -> dict[str, Any]:
    if choice.final is None:
        return {}
    if "final_estimator" not in known:
        raise BadSpecification(
            f"fit.estimator: {choice.name} has no final estimator; leave [fit.estimator.final] out"
        )
    return {"final_estimator": _made(choice.final, task)}


def _names(members: Sequence[EstimatorChoice]) -> list[str]:
    """Return a name a member: its class in small letters, from the second on with a number."""
    seen: Counter[str] = Counter()
    names = []
    for member in members:
        plain = member.name.rpartition(":")[2].lower()
        seen[plain] += 1
        names.append(plain if seen[plain] == 1 else f"{plain}{seen[plain]}")
    return names
