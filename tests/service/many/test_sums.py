"""Sums of several processes, through JSON as they travel."""

import orjson
from prometheus_client.parser import text_string_to_metric_families

from service.inference.states import PoolStatistics
from service.many.sums import NOBODY, Snapshot, add_up, bury, take
from service.metrics import STAGES, Metrics

WORKERS = PoolStatistics(2, 2, 1, 1, 3, 0.5, (11, 12))


def counted(requests: int, wait_s: float = 0.25) -> Metrics:
    metrics = Metrics()
    model = metrics.model("iris", 2)
    for _ in range(requests):
        model.answered((*[0.001] * len(STAGES), 0.01), 4)
        model.on_batch(4, 1)
        model.on_result(4, 1000, 100)
    model.count_failed(422, 0.5)
    model.count_shed("queue")
    model.count_aborted("gone")
    metrics.count_other("/health/ready", 200)
    metrics.add_gauges(
        lambda: iter(
            [
                ("percore_predicted_wait_seconds", "Wait", wait_s),
                ("percore_workers_busy", "Busy", 1.0),
                ("percore_clients_gone_total", "Gone", 2.0),
            ]
        )
    )
    return metrics


def sent(ready: bool, workers: PoolStatistics, metrics: Metrics) -> Snapshot:
    received: Snapshot = orjson.loads(orjson.dumps(take(ready, workers, metrics)))
    return received


def samples(metrics: Metrics) -> dict[tuple[str, str], float]:
    return {
        (sample.name, str(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def test_one_alone_is_told_as_it_is() -> None:
    alone = add_up([sent(True, WORKERS, counted(3))])
    assert alone.ready
    assert alone.workers == WORKERS._replace(pids=(11, 12))
    assert samples(alone.metrics) == samples(counted(3))


def test_every_number_is_the_sum_but_the_wait_which_is_the_longest() -> None:
    both = add_up([sent(True, WORKERS, counted(3)), sent(True, WORKERS, counted(5, wait_s=0.75))])
    one, other, total = samples(counted(3)), samples(counted(5)), samples(both.metrics)
    wait = ("percore_predicted_wait_seconds", "[]")
    assert total.pop(wait) == 0.75
    del one[wait], other[wait]
    assert total.keys() == one.keys()
    for name, value in total.items():
        assert abs(value - one[name] - other[name]) <= 1e-12, name
    times = both.metrics.model("iris", 2).batch_times[4]
    assert (times.count, times.predict_ns, times.around_ns) == (8, 8000, 800)
    assert both.workers == PoolStatistics(4, 4, 2, 2, 6, 0.5, (11, 12, 11, 12))


def test_the_last_batch_is_the_latest_of_all() -> None:
    early, late = counted(1), counted(1)
    early.model("iris", 2).last_batch_at -= 100.0
    for pair in ([early, late], [late, early]):
        both = add_up([sent(True, NOBODY, one) for one in pair])
        assert both.metrics.model("iris", 2).last_batch_at == late.model("iris", 2).last_batch_at


def test_all_are_ready_if_each_is() -> None:
    yes, no = sent(True, NOBODY, Metrics()), sent(False, NOBODY, Metrics())
    assert add_up([yes, yes]).ready
    assert not add_up([yes, no]).ready
    assert not add_up([no, yes]).ready


def test_counters_of_an_ended_process_stay_and_what_it_had_goes() -> None:
    living, ended = sent(True, WORKERS, counted(3)), sent(False, WORKERS, counted(5))
    before = samples(add_up([living, ended]).metrics)
    left = add_up([living, bury(ended)])
    after = samples(left.metrics)
    counters = [name for name in before if name[0].endswith(("_total", "_count", "_bucket"))]
    assert len(counters) > 100
    assert all(after[name] == before[name] for name in counters)
    assert after["percore_workers_busy", "[]"] == 1.0
    assert left.ready
    assert left.workers == WORKERS._replace(restarts=6)


def test_burying_a_sum_changes_no_counter() -> None:
    """Each death adds to what is left of the ones before."""
    sum_ = bury(sent(True, WORKERS, counted(1)))
    for _ in range(3):
        both = add_up([sum_, bury(sent(True, WORKERS, counted(1)))])
        sum_ = take(True, both.workers, both.metrics)
    assert add_up([sum_]).metrics.model("iris", 2).requests == {200: 4, 422: 4}
    assert add_up([sum_]).workers == NOBODY._replace(restarts=12)
