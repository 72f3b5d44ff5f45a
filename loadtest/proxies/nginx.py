"""nginx in front of the replicas: its configuration, and its command line.

nginx of Debian 12 (1.22) has no active health checks. It keeps no connection to an upstream unless
told to (`keepalive`, HTTP/1.1, an empty Connection header), and counts requests by worker process
unless there is a `zone`; one worker process makes least_conn exact.
"""

from loadtest.balancer.messages import REPLICA_HEADER
from loadtest.balancer.policies import PolicyName
from loadtest.errors import ScenarioError
from loadtest.proxies.plan import (
    CLIENT_IDLE_S,
    KEPT_IDLE_S,
    MAX_BODY_MIB,
    Plan,
    current_user,
    find,
    seconds,
    version,
)

_METHODS: dict[PolicyName, str] = {
    "round_robin": "",
    "weighted_round_robin": "",
    "least_outstanding": "least_conn;",
    "random": "random;",
    "power_of_choices": "random two least_conn;",
}
_MAX_FAILS = 5
_FAIL_TIMEOUT_S = 5
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def nginx_version() -> str:
    """Return what nginx says of itself: nginx version: nginx/1.22.1."""
    return version([find("nginx"), "-v"])


def nginx_command(plan: Plan) -> list[str]:
    """Write the configuration into the run's folder and return the command line.

    Raises:
        ProxyMissingError: nginx is not installed.
        ScenarioError: it cannot do what is asked.
    """
    program = find("nginx")
    path = plan.folder / "nginx.conf"
    path.write_text(nginx_config(plan), encoding="utf-8")
    # Before it reads the file it would open a log in a folder of the system.
    return [program, "-p", str(plan.folder), "-c", str(path.resolve()), "-e", "stderr"]


def nginx_config(plan: Plan) -> str:
    """Return the configuration for a plan.

    Raises:
        ScenarioError: nginx cannot do what is asked.
    """
    settings = plan.balancing.policy_settings
    if plan.balancing.policy == "power_of_choices" and settings.choices != 2:
        raise ScenarioError("balancer.policy_settings.choices: nginx draws two, no other number.")
    folder = plan.folder.resolve()
    temporary = "\n".join(f'    {each}_temp_path "{folder}/nginx-{each}";' for each in _TEMPORARY)
    return f"""\
daemon off;
user {current_user()};
worker_processes 1;
pid "{folder}/nginx.pid";
error_log stderr warn;
events {{ worker_connections 8192; }}
http {{
{temporary}
    access_log off;
    server_tokens off;
    tcp_nodelay on;
    keepalive_timeout {CLIENT_IDLE_S}s;
    keepalive_requests 100000000;
    client_max_body_size {MAX_BODY_MIB}m;
    client_body_buffer_size 1m;
{_upstream(plan)}
{_names(plan)}
{_server(plan)}
}}
"""


def _upstream(plan: Plan) -> str:
    limit = plan.balancing.replica_limit
    servers = "\n".join(
        f"        server {address} weight={plan.weight(name)} max_conns={limit}"
        f" max_fails={_MAX_FAILS} fail_timeout={_FAIL_TIMEOUT_S}s;"
        for name, address in plan.replicas
    )
    return f"""\
    upstream fleet {{
        zone fleet 1m;
        {_METHODS[plan.balancing.policy]}
{servers}
        keepalive 1024;
        keepalive_requests 100000000;
        keepalive_timeout {KEPT_IDLE_S}s;
    }}"""


def _names(plan: Plan) -> str:
    """Return the map from addresses to names; of several tries the last one answered."""
    lines = "\n".join(
        f'        "~(^|, ){str(address).replace(".", "[.]")}$" {name};'
        for name, address in plan.replicas
    )
    return f'    map $upstream_addr $replica {{\n        default "";\n{lines}\n    }}'


def _server(plan: Plan) -> str:
    timeout = seconds(plan.balancing.answer_timeout_s)
    header = REPLICA_HEADER.decode()
    return f"""\
    server {{
        listen {plan.listen} backlog=1024;
        location / {{
            proxy_pass http://fleet;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_connect_timeout 2s;
            proxy_send_timeout {timeout};
            proxy_read_timeout {timeout};
            {_retries(plan)}
            add_header {header} $replica always;
        }}
    }}"""


def _retries(plan: Plan) -> str:
    retries = plan.balancing.retries
    if retries is None:
        return "proxy_next_upstream off;"
    words = {
        "connect": "error",
        "closed": "error",
        "timeout": "timeout",
        "malformed": "invalid_header",
    }
    words |= {status: f"http_{status}" for status in ("502", "503", "504")}
    reasons = sorted({words[reason] for reason in retries.on if reason in words})
    # Predictions are POST, which nginx sends once unless told that it may be sent again.
    return (
        f"proxy_next_upstream {' '.join(reasons)} non_idempotent;"
        f" proxy_next_upstream_tries {retries.attempts};"
    )
