"""Metrics of the API process, which alone keeps them: workers report in their answers.

The hot path adds numbers to plain lists; they become Prometheus families when somebody asks.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from time import monotonic, time

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

STAGES = ("parse", "queue", "predict", "transfer", "encode")
SECONDS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0,
)  # fmt: skip
MOST_SIZES = 512
MOST_UNSORTED = 512
"""So many requests' times are kept before they are sorted into buckets."""
ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 8192.0, 65536.0)


class Histogram:
    """Counts of observations by upper bound.

    Args:
        bounds: ascending upper bounds; the last bucket, above them all, is implied.
    """

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count one observation."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def observe_all(self, values: Iterable[float]) -> None:
        """Count many observations: sorted together they cost a third of one by one."""
        ordered = sorted(values)
        below = 0
        for i, bound in enumerate(self._bounds):
            until = bisect_right(ordered, bound, below)
            self._counts[i] += until - below
            below = until
            if below == len(ordered):
                break
        self._counts[-1] += len(ordered) - below
        self._sum += sum(ordered)

    def count(self) -> int:
        """Return how many there were."""
        return sum(self._counts)

    def sum(self) -> float:
        """Return the sum of all."""
        return self._sum

    def read(self) -> tuple[list[int], float]:
        """Return the counts by bucket, and the sum of all, for `add`."""
        return self._counts, self._sum

    def add(self, counts: Sequence[int], total: float) -> None:
        """Count what another histogram of the same bounds has read."""
        self._counts = [one + more for one, more in zip(self._counts, counts, strict=True)]
        self._sum += total

    def buckets(self) -> tuple[list[tuple[str, float]], float]:
        """Return cumulative counts by upper bound, as Prometheus has them, and the sum."""
        total, cumulative = 0, []
        names = [*(f"{bound:g}" for bound in self._bounds), "+Inf"]
        for name, count in zip(names, self._counts, strict=True):
            total += count
            cumulative.append((name, float(total)))
        return cumulative, self._sum


class BatchTimes:
    """Where the time of all batches of one size went.

    Attributes:
        count: batches.
        predict_ns: the sum of what their predictions took.
        around_ns: the sum of what reading their rows and writing their answers took.
    """

    __slots__ = ("around_ns", "count", "predict_ns")

    def __init__(self) -> None:
        self.count = 0
        self.predict_ns = 0
        self.around_ns = 0


class ModelMetrics:
    """What is counted for one model version."""

    def __init__(self, name: str, version: int) -> None:
        self.labels = (name, str(version))
        self.requests: dict[int, int] = {}
        """Answered requests by status."""
        self.shed: dict[str, int] = {}
        """Requests that were refused for want of time, by reason."""
        self.aborted: dict[str, int] = {}
        """Streams that were begun and not ended, by reason."""
        self.rows = 0
        self.plan_differences = 0
        """Samples of the traffic on which a form answered otherwise than scikit-learn."""
        self.forms: tuple[tuple[str, str], ...] = ()
        """The forms in use: of each its largest batch in rows, and its name."""
        self._stages = tuple(Histogram(SECONDS) for _ in STAGES)
        self._total = Histogram(SECONDS)
        self._unsorted: list[tuple[float, ...]] = []
        """Of requests whose times are in no bucket yet: the stages, then the total."""
        self.batch_rows = Histogram(ROWS)
        self.batch_requests = Histogram(ROWS)
        self.failed_s = 0.0
        """Time of the requests that had another answer than 200."""
        self.batch_times: dict[int, BatchTimes] = {}
        """Rows of a batch → the times of such batches; of the sizes that were seen first."""
        self.last_batch_at = 0.0
        """When the last batch was sent, monotonic seconds; 0.0 if none ever was."""

    def histograms(self) -> tuple[Histogram, ...]:
        """Return all histograms, always in the same order."""
        return (*self.stages, self.total, self.batch_rows, self.batch_requests)

    def count(self, status: int) -> None:
        """Count an answered request."""
        self.requests[status] = self.requests.get(status, 0) + 1

    def count_failed(self, status: int, seconds: float) -> None:
        """Count a request that had another answer than 200, and how long it took."""
        self.count(status)
        self.failed_s += seconds

    def count_shed(self, reason: str) -> None:
        """Count a request that was refused for want of time; `reason` comes from a closed set."""
        self.shed[reason] = self.shed.get(reason, 0) + 1

    def count_aborted(self, reason: str) -> None:
        """Count a stream that was begun and not ended; `reason` comes from a closed set."""
        self.aborted[reason] = self.aborted.get(reason, 0) + 1

    def answered(self, times_s: tuple[float, ...], rows: int) -> None:
        """Count a request that was answered with 200.

        Args:
            times_s: where its time went, in the order of STAGES, and the whole of it.
            rows: how many it had.
        """
        self.rows += rows
        self.requests[200] = self.requests.get(200, 0) + 1
        self._unsorted.append(times_s)
        if len(self._unsorted) >= MOST_UNSORTED:
            self._sort()

    @property
    def stages(self) -> tuple[Histogram, ...]:
        """Return the times of answered requests, in the order of STAGES."""
        self._sort()
        return self._stages

    @property
    def total(self) -> Histogram:
        """Return the whole times of answered requests."""
        self._sort()
        return self._total

    def _sort(self) -> None:
        unsorted, self._unsorted = self._unsorted, []
        for histogram, seconds in zip((*self._stages, self._total), zip(*unsorted)):  # noqa: B905
            histogram.observe_all(seconds)

    def on_batch(self, rows: int, requests: int) -> None:
        """Count a batch that was sent."""
        self.batch_rows.observe(rows)
        self.batch_requests.observe(requests)
        self.last_batch_at = monotonic()

    def on_result(self, rows: int, predict_ns: int, around_ns: int) -> None:
        """Count a batch that came back: its rows, and what its worker tells of its time."""
        times = self.batch_times.get(rows)
        if times is None:
            if len(self.batch_times) == MOST_SIZES:
                return  # whoever sends tables of every size shall not fill the memory
            times = self.batch_times[rows] = BatchTimes()
        times.count += 1
        times.predict_ns += predict_ns
        times.around_ns += around_ns

    def last_batch_ms(self) -> int:
        """Return when the last batch was sent, in milliseconds since 1970; 0 if none ever was."""
        if not self.last_batch_at:
            return 0
        return round((time() - (monotonic() - self.last_batch_at)) * 1000)


Gauge = tuple[str, str, float]
"""Name, help and value of something that is read when somebody asks."""


class Metrics(Collector):
    """All metrics of a replica."""

    def __init__(self) -> None:
        self._models: list[ModelMetrics] = []
        self._others: dict[tuple[str, int], int] = {}
        self._gauges: list[Callable[[], Iterator[Gauge]]] = []
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def model(self, name: str, version: int) -> ModelMetrics:
        """Return the metrics of a version, new ones if it has none yet."""
        for known in self._models:
            if known.labels == (name, str(version)):
                return known
        self._models.append(ModelMetrics(name, version))
        return self._models[-1]

    def add_gauges(self, read: Callable[[], Iterator[Gauge]]) -> None:
        """Ask `read` for values at each scrape; a name that ends in _total is a counter."""
        self._gauges.append(read)

    def count_other(self, route: str, status: int, count: int = 1) -> None:
        """Count requests that are no predictions; `route` comes from a closed set."""
        self._others[route, status] = self._others.get((route, status), 0) + count

    def models(self) -> Sequence[ModelMetrics]:
        """Return what is counted for each version."""
        return self._models

    def others(self) -> Mapping[tuple[str, int], int]:
        """Return how many requests were no predictions, by route and status."""
        return self._others

    def gauges(self) -> Iterator[Gauge]:
        """Yield all that is read when somebody asks."""
        for read in self._gauges:
            yield from read()

    def text(self) -> bytes:
        """Return the Prometheus text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families."""
        yield from self._counters()
        stages = HistogramMetricFamily(
            "percore_stage_duration_seconds",
            "Time of answered predict requests by stage",
            labels=("model", "version", "stage"),
        )
        total = HistogramMetricFamily(
            "percore_request_duration_seconds",
            "Time from the first byte of a predict request to its answer",
            labels=("model", "version"),
        )
        rows = HistogramMetricFamily(
            "percore_batch_rows", "Rows in a batch", labels=("model", "version")
        )
        requests = HistogramMetricFamily(
            "percore_batch_requests", "Requests in a batch", labels=("model", "version")
        )
        for one in self._models:
            for stage, histogram in zip(STAGES, one.stages, strict=True):
                _add(stages, (*one.labels, stage), histogram)
            _add(total, one.labels, one.total)
            _add(rows, one.labels, one.batch_rows)
            _add(requests, one.labels, one.batch_requests)
        yield from (stages, total, rows, requests)
        for name, text, value in self.gauges():
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            yield kind(name, text, value=value)

    def _counters(self) -> Iterator[Metric]:
        yield from self._answers()
        yield from self._plans()
        others = CounterMetricFamily(
            "percore_other_requests_total",
            "Other requests by route and status",
            labels=("route", "status"),
        )
        for (route, status), count in sorted(self._others.items()):
            others.add_metric((route, str(status)), count)
        yield others

    def _answers(self) -> Iterator[Metric]:
        """Yield what became of predict requests."""
        answered = CounterMetricFamily(
            "percore_requests_total",
            "Predict requests by status",
            labels=("model", "version", "status"),
        )
        shed = CounterMetricFamily(
            "percore_shed_total",
            "Predict requests that were refused for want of time, by reason",
            labels=("model", "version", "reason"),
        )
        aborted = CounterMetricFamily(
            "percore_streams_aborted_total",
            "Streamed answers that were begun and not ended, by reason",
            labels=("model", "version", "reason"),
        )
        rows = CounterMetricFamily(
            "percore_rows_total", "Rows predicted", labels=("model", "version")
        )
        for one in self._models:
            for status, count in sorted(one.requests.items()):
                answered.add_metric((*one.labels, str(status)), count)
            for reason, count in sorted(one.shed.items()):
                shed.add_metric((*one.labels, reason), count)
            for reason, count in sorted(one.aborted.items()):
                aborted.add_metric((*one.labels, reason), count)
            rows.add_metric(one.labels, one.rows)
        yield from (answered, shed, aborted, rows)

    def _plans(self) -> Iterator[Metric]:
        """Yield which forms compute, and how often one answered otherwise."""
        differences = CounterMetricFamily(
            "percore_plan_differences_total",
            "Samples of the traffic on which a form answered otherwise than scikit-learn",
            labels=("model", "version"),
        )
        forms = GaugeMetricFamily(
            "percore_plan_form",
            "The form that computes batches of up to so many rows",
            labels=("model", "version", "up_to_rows", "form"),
        )
        for one in self._models:
            differences.add_metric(one.labels, one.plan_differences)
            for up_to_rows, form in one.forms:
                forms.add_metric((*one.labels, up_to_rows, form), 1)
        yield from (differences, forms)


def _add(family: HistogramMetricFamily, labels: Sequence[str], histogram: Histogram) -> None:
    buckets, total = histogram.buckets()
    family.add_metric(labels, buckets, total)
