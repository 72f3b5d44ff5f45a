import pytest

from service.many.shares import share_settings
from service.settings import Settings


@pytest.mark.parametrize(
    ("workers", "processes", "shares"), [(2, 2, [1, 1]), (5, 2, [3, 2]), (7, 3, [3, 2, 2])]
)
def test_workers_are_shared_out(workers: int, processes: int, shares: list[int]) -> None:
    settings = Settings(workers=workers, api_processes=processes)
    assert [share.worker_count() for share in share_settings(settings)] == shares


def test_limits_in_number_are_shared_and_times_are_not() -> None:
    settings = Settings(
        workers=2, api_processes=2, max_connections=101, max_waiting=7, max_unread_bytes=1000
    )
    one, other = share_settings(settings)
    assert (one.max_connections, one.max_waiting, one.max_unread_bytes) == (51, 4, 500)
    assert one == other
    assert one.request_timeout_s == settings.request_timeout_s
    assert share_settings(Settings(workers=2, api_processes=2))[0].max_connections == 0
