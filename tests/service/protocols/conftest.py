"""What changes how requests are spread, for whoever asks for it."""

import pytest

import service.batching.outlook as outlook_module
from tests.service.protocols.spreads import PARTS


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut small bodies, too."""
    monkeypatch.setattr(outlook_module, "LEAST_BYTES", 8)
    monkeypatch.setattr(outlook_module, "AIM_S", 1.0 / (PARTS - 0.5))
