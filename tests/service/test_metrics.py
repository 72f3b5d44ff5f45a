from prometheus_client.parser import text_string_to_metric_families

from service.metrics import MOST_UNSORTED, Histogram, Metrics

ORDER = ("model", "version", "status", "reason", "stage", "route", "le")


def samples(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    families = text_string_to_metric_families(metrics.text().decode())
    read = {}
    for family in families:
        for sample in family.samples:
            labels = tuple(sample.labels[key] for key in ORDER if key in sample.labels)
            read[sample.name, labels] = sample.value
    return read


def test_a_histogram_counts_up_to_and_including_its_bounds() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 3.0):
        histogram.observe(value)
    assert histogram.buckets() == ([("1", 2.0), ("2", 4.0), ("+Inf", 5.0)], 8.0)


def test_what_is_counted_is_what_prometheus_reads() -> None:
    metrics = Metrics()
    model = metrics.model("iris", 2)
    model.count(200)
    model.count(422)
    model.count_shed("queue")
    model.answered((0.1, 0.2, 0.3, 0.0, 0.0, 0.6), 7)
    model.on_batch(4, 2)
    metrics.count_other("/v1/models", 200)
    metrics.add_gauges(lambda: iter([("percore_workers_ready", "help", 3.0)]))
    read = samples(metrics)
    assert read["percore_requests_total", ("iris", "2", "200")] == 2
    assert read["percore_requests_total", ("iris", "2", "422")] == 1
    assert read["percore_shed_total", ("iris", "2", "queue")] == 1
    assert read["percore_rows_total", ("iris", "2")] == 7
    assert read["percore_stage_duration_seconds_sum", ("iris", "2", "queue")] == 0.2
    assert read["percore_request_duration_seconds_count", ("iris", "2")] == 1
    assert read["percore_batch_rows_bucket", ("iris", "2", "4")] == 1
    assert read["percore_batch_rows_bucket", ("iris", "2", "2")] == 0
    assert read["percore_other_requests_total", ("200", "/v1/models")] == 1
    assert read["percore_workers_ready", ()] == 3


def test_a_version_has_one_set_of_metrics() -> None:
    metrics = Metrics()
    assert metrics.model("iris", 1) is metrics.model("iris", 1)
    assert metrics.model("iris", 1) is not metrics.model("iris", 2)


def test_many_together_are_counted_as_one_by_one() -> None:
    values = [0.0, 0.5, 1.0, 1.0, 1.5, 2.0, 2.0000001, 9.0, -1.0]
    together, single = Histogram((1.0, 2.0, 3.0)), Histogram((1.0, 2.0, 3.0))
    for value in values:
        single.observe(value)
    together.observe_all(values)
    together.observe_all([])
    assert together.buckets()[0] == single.buckets()[0]
    assert abs(together.sum() - single.sum()) < 1e-12


def test_times_are_told_before_there_are_many() -> None:
    metrics = Metrics().model("toy", 1)
    for _ in range(MOST_UNSORTED + 3):
        metrics.answered((0.1, 0.2, 0.3, 0.4, 0.5, 1.5), 1)
    assert metrics.total.count() == MOST_UNSORTED + 3
    assert [histogram.count() for histogram in metrics.stages] == [MOST_UNSORTED + 3] * 5
    metrics.answered((0.1, 0.2, 0.3, 0.4, 0.5, 1.5), 1)
    assert metrics.total.count() == MOST_UNSORTED + 4
