"""What cannot be served is refused at registration, with the cause and what to do about it."""

from pathlib import Path

import pytest

from models.errors import RefusedModel
from models.register import Registration, register
from models.stages import Stages
from models.store import Store
from tests.kinds.cli import register_by_cli
from tests.kinds.conftest import dump
from tests.kinds.refused import BY_CLI, BY_FUNCTION, Refused


@pytest.mark.integration
@pytest.mark.parametrize("refused", BY_CLI, ids=lambda one: one.name)
def test_the_command_refuses(refused: Refused, tmp_path: Path) -> None:
    model, rows = refused.fit()
    file, sample = dump(refused.name, model, rows, tmp_path, refused.sample)
    done = register_by_cli(file, sample, refused.name, tmp_path / "store")
    assert (done.returncode, done.stdout) == (1, "")
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert refused.cause in last
    assert refused.remedy in last
    assert Store(tmp_path / "store").names() == []


@pytest.mark.parametrize("refused", BY_FUNCTION, ids=lambda one: one.name)
def test_registration_refuses(refused: Refused, tmp_path: Path) -> None:
    model, rows = refused.fit()
    file, sample = dump(refused.name, model, rows, tmp_path, refused.sample)
    store = Store(tmp_path / "store")
    with pytest.raises(RefusedModel, match=refused.cause) as caught:
        register(Registration(file, sample, refused.name), store, Stages())
    assert refused.remedy in str(caught.value)
    assert store.names() == []
