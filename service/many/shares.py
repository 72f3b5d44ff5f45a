"""What of a service's settings each of its API processes gets. A pure calculation."""

from math import ceil

from service.settings import Settings


def share_settings(settings: Settings) -> list[Settings]:
    """Return the settings of each API process: what is limited in number is shared out.

    Connections are spread evenly, and so is what they bring.
    """
    count = settings.api_processes
    workers, more = divmod(settings.worker_count(), count)
    shared = {
        "api_processes": 1,
        "pin_workers": False,  # the supervisor says which cores
        "max_connections": ceil(settings.max_connections / count),
        "max_waiting": ceil(settings.max_waiting / count),
        "max_streams": ceil(settings.max_streams / count),
        "max_unread_bytes": settings.max_unread_bytes // count,
        "access_log_per_s": settings.access_log_per_s / count,
    }
    return [
        settings.model_copy(update=shared | {"workers": workers + (number < more)})
        for number in range(count)
    ]
