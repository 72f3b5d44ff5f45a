import os

from service.inference.pins import Pins, share_cores


def test_cores_are_dealt_out_in_turn() -> None:
    assert share_cores([0, 1, 2, 3], [2, 2]) == [(0, 1), (2, 3)]
    assert share_cores([4, 6], [2, 1]) == [(4, 6), (4,)]
    assert share_cores([5], [3]) == [(5, 5, 5)]


def test_a_worker_is_pinned_and_its_core_is_free_when_it_is_gone() -> None:
    before = os.sched_getaffinity(0)
    core = min(before)
    pins = Pins([core])
    try:
        pins.pin(7, os.getpid())
        assert os.sched_getaffinity(0) == {core}
        os.sched_setaffinity(0, before)
        pins.pin(8, os.getpid())  # none is free: it runs where it likes
        assert os.sched_getaffinity(0) == before
        pins.free(7)
        pins.pin(8, os.getpid())
        assert os.sched_getaffinity(0) == {core}
    finally:
        os.sched_setaffinity(0, before)


def test_a_core_that_is_not_there_harms_nobody() -> None:
    before = os.sched_getaffinity(0)
    Pins([4095]).pin(1, os.getpid())
    assert os.sched_getaffinity(0) == before


def test_without_cores_nobody_is_pinned() -> None:
    before = os.sched_getaffinity(0)
    pins = Pins([])
    pins.pin(1, os.getpid())
    pins.free(1)
    assert os.sched_getaffinity(0) == before
