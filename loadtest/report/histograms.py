"""HdrHistogram files of a run, for exchange with other tools: never what the report reads."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogWriter

from loadtest.report.samples import Floats, Samples

_UNIT_S: Final = 1e-6
_US_A_MS: Final = 1000.0
_DIGITS: Final = 3
_LEAST_HIGHEST_US: Final = 3_600_000_000
_INTERVAL_S: Final = 1.0


def write_histograms(samples: Samples, folder: Path, date: datetime) -> None:
    """Write latency.hgrm, percentiles, and latency.hlog, a histogram a second.

    Values are microseconds from the intended start, with three digits. Wrong and lost requests
    are in as long as they lasted: a histogram knows no "longer than". Refused ones are left out.

    Args:
        samples: of one run.
        folder: where the files go.
        date: when the load began.
    """
    counted = samples.counted
    durations_s = (samples.done_s - samples.intended_s)[counted]
    with (folder / "latency.hgrm").open("wb") as file:
        histogram(durations_s).output_percentile_distribution(file, 1.0)
    with (folder / "latency.hlog").open("w", encoding="ascii") as file:
        _write_log(durations_s, samples.intended_s[counted], date, HistogramLogWriter(file))


def histogram(durations_s: Floats) -> Any:
    """Return a histogram of durations, in microseconds."""
    values = np.maximum(np.round(durations_s / _UNIT_S), 0).astype(np.int64)
    highest = max(_LEAST_HIGHEST_US, int(values.max(initial=0)))
    made = HdrHistogram(1, highest, _DIGITS)
    for value, count in zip(*np.unique(values, return_counts=True), strict=True):
        made.record_value(int(value), int(count))
    return made


def _write_log(durations_s: Floats, starts_s: Floats, date: datetime, writer: Any) -> None:
    writer.output_log_format_version()
    # The library's own line of the start time divides by a thousand twice.
    writer.output_comment(
        f"[StartTime: {date.timestamp():.3f} (seconds since epoch), {date.isoformat()}]"
    )
    writer.output_legend()
    numbers = np.floor(starts_s / _INTERVAL_S).astype(np.int64)
    for number in np.unique(numbers).tolist():
        made = histogram(durations_s[numbers == number])
        begins_ms = number * _INTERVAL_S * 1000
        made.set_start_time_stamp(begins_ms)
        made.set_end_time_stamp(begins_ms + _INTERVAL_S * 1000)
        writer.output_interval_histogram(made, max_value_unit_ratio=_US_A_MS)
