"""What is told of a model that cannot be loaded or prepared: clients read it."""

import pytest

from service.inference.artefact import reason_of


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            FileNotFoundError(2, "Nothing", "/srv/private/models/a.bin"),
            "[Errno 2] Nothing: 'a.bin'",
        ),
        (OverflowError("int too large"), "int too large"),
        (ValueError("1/2 or a/b is no folder"), "1/2 or a/b is no folder"),
        (MemoryError(), "MemoryError"),
        (
            ModuleNotFoundError("No module named 'ours'"),
            "No module named 'ours'; install it where the service runs, or name its folder in"
            " PYTHONPATH there",
        ),
    ],
)
def test_reasons_name_no_folders(error: Exception, told: str) -> None:
    assert reason_of(error) == told
