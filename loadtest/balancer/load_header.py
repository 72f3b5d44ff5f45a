"""Reads what a replica says of its load: ORCA's header endpoint-load-metrics, its text form."""

from loadtest.balancer.policies import LoadReport

LOAD_HEADER = b"endpoint-load-metrics"
_FORMAT = "TEXT "


def load_report(value: bytes) -> LoadReport | None:
    """Return the report in a header's value; None if it says nothing of use.

    The form is that of ORCA (xds.data.orca.v3) as gRPC's proposal A51 and Envoy write it:
    `TEXT cpu_utilization=0.3,application_utilization=0.5,rps_fractional=120,eps=2`. The
    application's utilisation is preferred to the CPU's, as in A58.
    """
    text = value.decode("latin-1")
    if not text.startswith(_FORMAT):
        return None
    pairs = (part.partition("=") for part in text[len(_FORMAT) :].split(","))
    values = {name.strip(): _number(value) for name, _, value in pairs}
    utilisation = values.get("application_utilization") or values.get("cpu_utilization")
    rate = values.get("rps_fractional")
    if not utilisation or not rate:
        return None
    return LoadReport(utilisation, rate, values.get("eps") or 0.0)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None
