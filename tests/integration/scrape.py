"""Reading /metrics."""

from prometheus_client.parser import text_string_to_metric_families

from tests.integration.wire import Address, get

Samples = dict[tuple[str, ...], float]


def scrape(address: Address) -> Samples:
    """Return every sample: its name and label values, the version left out, → value."""
    samples: Samples = {}
    for family in text_string_to_metric_families(get(address, "/metrics").body.decode()):
        for sample in family.samples:
            labels = [value for name, value in sample.labels.items() if name != "version"]
            key = (sample.name, *labels)
            assert key not in samples or "version" in sample.labels
            samples[key] = samples.get(key, 0.0) + sample.value
    return samples


def moved(before: Samples, after: Samples) -> Samples:
    """Return how far each sample moved, if it did."""
    changes = {key: value - before.get(key, 0.0) for key, value in after.items()}
    return {key: change for key, change in changes.items() if change}
