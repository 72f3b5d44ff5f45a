"""Every setting of the service: flags, environment (PERCORE_…), .env, platform, in that order."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, IPvAnyNetwork, SecretStr, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

CGROUP_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")
ORIGIN = r"^(\*|https?://[^/?#\s]+)$"
ROUTE = r"^(/[^{}?#\s]*)?$"
PLATFORMS = {
    "port": ("AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT"),
    "predict_route": ("AIP_PREDICT_ROUTE",),
    "health_route": ("AIP_HEALTH_ROUTE",),
}
"""Setting → the variables by which Vertex AI and SageMaker tell a container where to listen."""


class Settings(BaseSettings):
    """Settings of one replica."""

    model_config = SettingsConfigDict(
        env_prefix="PERCORE_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_prog_name="python -m service",
    )

    store: Path = Path("store")
    """Folder of the model store."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for every interface."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port to listen on; 0 takes a free one and logs it."""
    grpc_port: Annotated[int, Field(ge=-1, le=65535)] = -1
    """Port for gRPC, which needs the extra `grpc`; 0 takes a free one and logs it, -1 has none."""
    workers: Annotated[int, Field(ge=0, le=1024)] = 0
    """Worker processes; 0 means one a core, within the container's CPU quota."""
    http: Literal["fast", "asgi"] = "fast"
    """How predictions come in: fast answers ordinary ones without ASGI, asgi none; both answer the
    same."""
    start_method: Literal["auto", "fork", "spawn"] = "auto"
    """How workers are made: fork shares the models' memory; spawn loads a copy in each worker, for
    models that start threads; auto forks unless a model does."""
    api_processes: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes that take requests in, on one port; each has its share of the workers. More than
    one where one core cannot read and write all requests: see docs/many-cores.md."""
    pin_workers: bool = False
    """Pin each worker to a core of those that the service may use."""
    aliases: tuple[str, ...] = ("production",)
    """Versions that carry one of these aliases are loaded; production always is."""
    default_model: str = ""
    """The model that answers /invocations; may be left out if only one is served."""
    predict_route: Annotated[str, Field(pattern=ROUTE)] = ""
    """Another path that answers as /invocations does; Vertex AI's AIP_PREDICT_ROUTE sets it."""
    health_route: Annotated[str, Field(pattern=ROUTE)] = ""
    """Another path that answers as /ping does; Vertex AI's AIP_HEALTH_ROUTE sets it."""
    max_body_bytes: Annotated[int, Field(ge=1, le=2**31 - 2**20)] = 32 * 2**20
    """Largest request body; a larger one is refused with 413."""
    max_rows: Annotated[int, Field(ge=1)] = 100_000
    """Most rows in one request; of a stream, there is no such limit."""
    max_stream_bytes: Annotated[int, Field(ge=1)] = 8 * 2**30
    """Largest body of CSV or Arrow that streams through, at /v1/models/…:predict; a longer one is
    refused with 413, or cut off once that is known. None of its lines or record batches may be
    larger than max_body_bytes."""
    max_streams: Annotated[int, Field(ge=1)] = 32
    """Most bodies that stream through at a time; one more is refused with 503 and Retry-After."""
    max_image_pixels: Annotated[int, Field(ge=1)] = 16_000_000
    """Largest picture, width times height, read from its header before it is decoded."""
    max_batch_rows: Annotated[int, Field(ge=1, le=65535)] = 256
    """Most rows of gathered requests in one call of the model."""
    max_waiting: Annotated[int, Field(ge=1)] = 4096
    """Most requests that wait for a worker; one more is refused with 503 and Retry-After."""
    max_queue_wait_s: Annotated[float, Field(gt=0)] = 1.0
    """Longest that a request may wait behind others, by prediction; a later one is refused at once
    with 503 and Retry-After. A queue that stays for longer than this is cut to a quarter of it;
    behind a model that takes longer a request may always wait for two predictions."""
    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()
    """Addresses or networks of your balancers: of what they forward, the client is the last other
    address in X-Forwarded-For. Fair shares are counted by client."""
    inline_body_bytes: Annotated[int, Field(ge=0)] = 16 * 2**10
    """JSON bodies up to this size are read in the API process, larger ones in a worker."""
    request_timeout_s: Annotated[float, Field(gt=0)] = 30.0
    """Time that a request has unless it says otherwise by X-Request-Timeout-Ms."""
    max_request_timeout_s: Annotated[float, Field(gt=0)] = 300.0
    """Longest time that a request may ask for."""
    hang_limit_s: Annotated[float, Field(gt=0)] = 20.0
    """A batch that runs longer ends its worker; its requests are tried once more."""
    load_timeout_s: Annotated[float, Field(gt=0)] = 300.0
    """Longest time to load one model."""
    keep_alive_s: Annotated[int, Field(ge=1)] = 75
    """An idle connection is closed after this time; keep it above the balancer's (nginx: 60)."""
    watch_store_s: Annotated[float, Field(ge=0)] = 1.0
    """How often the store is looked at for promoted versions; 0 only at SIGHUP or an admin call."""
    admin_token: SecretStr = SecretStr("")
    """Token for the calls that change something; without one they do not exist."""
    api_keys_file: Path | None = None
    """File of the keys that may ask for more than health, metrics and docs, a line `name:sha256hex`
    each; it is read again when it changes. Without one everybody may ask."""
    cors_origins: tuple[Annotated[str, Field(pattern=ORIGIN)], ...] = ()
    """Origins whose pages may ask from a browser, such as https://app.example.com; * is all."""
    tls_cert: Path | None = None
    """Certificate and those of its issuers, as PEM: the service then talks HTTPS only."""
    tls_key: Path | None = None
    """Private key of the certificate, unless it stands in the same file."""
    plans: Literal["exact", "close", "off"] = "exact"
    """Whether models are computed by their verified plans, which `python -m models plan` makes:
    exact takes forms that answered as scikit-learn does, labels equal and numbers within 1e-12;
    close takes numbers within --plan-tolerance, too; off computes everything by scikit-learn."""
    plan_tolerance: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """With --plans close, the largest difference of a number, absolute below 1, relative above."""
    drain_delay_s: Annotated[float, Field(ge=0)] = 3.0
    """At SIGTERM, time to go on serving while balancers see that this replica is not ready."""
    max_connections: Annotated[int, Field(ge=0)] = 0
    """Most connections of clients; 0 means what the limit of open files allows, up to 10,000. A
    few more may ask for /health and /metrics; all others get 503."""
    max_header_bytes: Annotated[int, Field(ge=256)] = 32 * 2**10
    """Largest head of a request, its URL included; a larger one is refused with 431."""
    max_chunks: Annotated[int, Field(ge=1)] = 10_000
    """Most chunks of a body in chunks; one of more is refused with 413."""
    max_unread_bytes: Annotated[int, Field(ge=0)] = 256 * 2**20
    """Most bytes of answers that wait for slow clients; above it the slowest are dropped."""
    header_timeout_s: Annotated[float, Field(gt=0)] = 10.0
    """Time for the head of a request, from its first byte or the opening of the connection."""
    body_timeout_s: Annotated[float, Field(gt=0)] = 30.0
    """Time for the body of a request, from the end of its head."""
    write_timeout_s: Annotated[float, Field(gt=0)] = 30.0
    """Time for a client to take an answer that does not fit into the system's buffers."""
    drain_s: Annotated[float, Field(ge=0)] = 30.0
    """At SIGTERM, longest time to finish what was accepted."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level that is logged."""
    access_log_per_s: Annotated[float, Field(ge=0)] = 20.0
    """Most request lines logged a second; above it one line in many is kept, and counts them."""

    @field_validator("tls_key")
    @classmethod
    def _belongs_to_certificate(cls, key: Path | None, others: ValidationInfo) -> Path | None:
        if key is not None and others.data.get("tls_cert") is None:
            raise ValueError("a key needs its certificate: give --tls-cert, too")
        return key

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let a platform say what nobody else does: its variables come last."""
        platform = InitSettingsSource(settings_cls, platform_values(os.environ))
        return init_settings, env_settings, dotenv_settings, file_secret_settings, platform

    @field_validator("api_processes")
    @classmethod
    def _have_workers(cls, count: int, others: ValidationInfo) -> int:
        workers = others.data.get("workers", 0)
        if 0 < workers < count:
            raise ValueError(f"each needs a worker of its own: give --workers {count} or more")
        if count > 1 and others.data.get("grpc_port", -1) >= 0:
            raise ValueError("gRPC has one API process: leave out --grpc-port, or this")
        if count > 1 and others.data.get("start_method") == "spawn":
            raise ValueError("several API processes share one loader: leave out --start-method")
        return count

    def worker_count(self) -> int:
        """Return how many workers to run."""
        return self.workers or max(usable_cores(), self.api_processes)


def platform_values(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that the platform which runs this container gives.

    One that gives a port asks it from outside: the service then listens on every address.
    """
    told = {
        name: [environ[variable] for variable in variables if variable in environ]
        for name, variables in PLATFORMS.items()
    }
    values: dict[str, Any] = {name: found[0] for name, found in told.items() if found}
    return {"host": "0.0.0.0", **values} if "port" in values else values  # noqa: S104


def allowed_cores() -> list[int]:
    """Return the numbers of the cores that this process may run on, ascending."""
    return sorted(os.sched_getaffinity(0))


def usable_cores(cpu_max: Path = CGROUP_CPU_MAX) -> int:
    """Return min(cores of this process, floor of the cgroup's CPU quota), at least 1."""
    cores = len(os.sched_getaffinity(0))
    try:
        quota, period = cpu_max.read_text().split()
        if quota != "max":
            cores = min(cores, int(quota) // int(period))
    except (OSError, ValueError):
        pass  # no cgroup v2 here: the affinity alone decides
    return max(cores, 1)
