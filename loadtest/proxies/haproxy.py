"""HAProxy in front of the replicas: its configuration, its command line and its orders.

One thread makes leastconn exact. Connections to replicas are shared between clients (`http-reuse
always`), and retries of requests that may have been worked on are a choice of the scenario.
"""

import os
import socket

from loadtest.balancer.messages import REPLICA_HEADER
from loadtest.balancer.policies import PolicyName
from loadtest.errors import LoadTestError
from loadtest.proxies.plan import CLIENT_IDLE_S, KEPT_IDLE_S, Plan, find, seconds, version

_SOCKET = "haproxy.sock"
_ORDER_S = 5.0


def haproxy_version() -> str:
    """Return what HAProxy says of itself: HAProxy version 2.6.12 and so on."""
    return version([find("haproxy"), "-v"])


def haproxy_command(plan: Plan) -> list[str]:
    """Write the configuration into the run's folder and return the command line.

    Raises:
        ProxyMissingError: HAProxy is not installed.
    """
    program = find("haproxy")
    path = plan.folder / "haproxy.cfg"
    path.write_text(haproxy_config(plan), encoding="utf-8")
    # -C: the socket's name is relative to the folder, for a path may be too long for a socket.
    return [program, "-db", "-C", str(plan.folder.resolve()), "-f", "haproxy.cfg"]


def haproxy_config(plan: Plan) -> str:
    """Return the configuration for a plan."""
    balancing = plan.balancing
    probes = balancing.probes
    timeout = seconds(balancing.answer_timeout_s)
    servers = "\n".join(
        f"    server {name} {address} weight {min(256, plan.weight(name))}"
        for name, address in plan.replicas
    )
    return f"""\
global
    maxconn 8192
    nbthread 1
    stats socket unix@{_SOCKET} mode 600 level admin
defaults
    mode http
    timeout connect 2s
    timeout client {CLIENT_IDLE_S}s
    timeout server {timeout}
    timeout queue {seconds(balancing.queue_timeout_s)}
    timeout http-keep-alive {CLIENT_IDLE_S}s
    timeout check {seconds(probes.timeout_s)}
    option http-keep-alive
    option forwardfor
    http-reuse always
{_retries(plan)}
frontend clients
    bind {plan.listen} backlog 1024
    default_backend fleet
backend fleet
    balance {_method(balancing.policy, balancing.policy_settings.choices)}
    option httpchk
    http-check send meth GET uri {probes.path} ver HTTP/1.1 hdr Host fleet
    http-check expect status 200
    http-response set-header {REPLICA_HEADER.decode()} %s
    default-server check inter {seconds(probes.interval_s)} fall {probes.fall} rise {probes.rise} \
maxconn {balancing.replica_limit} pool-purge-delay {KEPT_IDLE_S}s
{servers}
"""


def haproxy_order(plan: Plan, order: str) -> str:
    """Give a running HAProxy an order on its socket and return what it says.

    Raises:
        LoadTestError: it cannot be reached, or does not do it.
    """
    folder = os.open(plan.folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(_ORDER_S)
            # A socket's path may have 107 characters, and a run's folder may have more.
            channel.connect(f"/proc/self/fd/{folder}/{_SOCKET}")
            channel.sendall(order.encode() + b"\n")
            said = b""
            while piece := channel.recv(4096):
                said += piece
    except OSError as error:
        raise LoadTestError(
            f"HAProxy took no order on {plan.folder / _SOCKET}: {error.strerror}."
        ) from error
    finally:
        os.close(folder)
    return said.decode().strip()


def _method(policy: PolicyName, choices: int) -> str:
    methods: dict[PolicyName, str] = {
        "round_robin": "roundrobin",
        "weighted_round_robin": "roundrobin",
        "least_outstanding": "leastconn",
        "random": "random(1)",
        "power_of_choices": f"random({choices})",
    }
    return methods[policy]


def _retries(plan: Plan) -> str:
    retries = plan.balancing.retries
    if retries is None:
        return "    retries 0"
    words = {"connect": "conn-failure", "closed": "empty-response", "cut": "junk-response"}
    words |= {"malformed": "junk-response", "timeout": "response-timeout"}
    reasons = sorted({words.get(reason, reason) for reason in retries.on})
    return (
        f"    retries {retries.attempts - 1}\n"
        "    option redispatch 1\n"
        f"    retry-on {' '.join(reasons)}"
    )
