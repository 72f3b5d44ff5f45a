"""What nginx and HAProxy are told, and what they cannot do."""

from pathlib import Path
from typing import Any

import pytest

from loadtest.balancer.policies import PolicyName
from loadtest.errors import ScenarioError
from loadtest.http1 import Address
from loadtest.proxies.haproxy import haproxy_config
from loadtest.proxies.nginx import nginx_config
from loadtest.proxies.plan import Plan, ProxyMissingError, find
from loadtest.scenario.balancing import Balancing

REPLICAS = [("replica-0", Address("127.0.0.1", 8001)), ("replica-1", Address("127.0.0.1", 8002))]


def plan(kind: str, folder: Path = Path("/runs/x"), **settings: Any) -> Plan:
    balancing = Balancing.model_validate({"kind": kind, **settings})
    return Plan(Address("127.0.0.1", 8000), REPLICAS, balancing, folder)


def words(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("policy", "nginx", "haproxy"),
    [
        ("least_outstanding", "least_conn;", "balance leastconn"),
        ("round_robin", "", "balance roundrobin"),
        ("random", "random;", "balance random(1)"),
        ("power_of_choices", "random two least_conn;", "balance random(2)"),
    ],
)
def test_a_policy_has_its_name_in_each(policy: PolicyName, nginx: str, haproxy: str) -> None:
    lines = words(nginx_config(plan("nginx", policy=policy)))
    assert nginx in lines
    assert sum(line in {"least_conn;", "random;", "random two least_conn;"} for line in lines) == (
        nginx != ""
    )
    assert haproxy in words(haproxy_config(plan("haproxy", policy=policy)))


def test_connections_to_replicas_are_kept() -> None:
    lines = words(nginx_config(plan("nginx")))
    wanted = ["keepalive 1024;", "proxy_http_version 1.1;", 'proxy_set_header Connection "";']
    assert {*wanted, "zone fleet 1m;", "worker_processes 1;"} <= set(lines)
    # nginx takes keepalive only after the method.
    assert lines.index("least_conn;") < lines.index("keepalive 1024;")
    assert {"http-reuse always", "option http-keep-alive"} <= set(
        words(haproxy_config(plan("haproxy")))
    )


def test_weights_and_limits_are_each_replica_s() -> None:
    settings: dict[str, Any] = {
        "policy": "weighted_round_robin",
        "policy_settings": {"weights": {"replica-0": 5}},
        "replica_limit": 7,
    }
    lines = words(nginx_config(plan("nginx", **settings)))
    limits = "max_conns=7 max_fails=5 fail_timeout=5s;"
    assert f"server 127.0.0.1:8001 weight=5 {limits}" in lines
    assert f"server 127.0.0.1:8002 weight=1 {limits}" in lines
    lines = words(haproxy_config(plan("haproxy", **settings)))
    assert "server replica-0 127.0.0.1:8001 weight 5" in lines
    assert any("maxconn 7 " in line for line in lines)


def test_nothing_is_tried_twice_unless_the_scenario_says_so() -> None:
    assert "proxy_next_upstream off;" in words(nginx_config(plan("nginx")))
    assert "retries 0" in words(haproxy_config(plan("haproxy")))
    retries = {"attempts": 3, "on": ["connect", "closed", "timeout", "503"]}
    told = nginx_config(plan("nginx", retries=retries))
    assert "proxy_next_upstream error http_503 timeout non_idempotent;" in told
    assert "proxy_next_upstream_tries 3;" in told
    lines = words(haproxy_config(plan("haproxy", retries=retries)))
    assert "retries 2" in lines
    assert "retry-on 503 conn-failure empty-response response-timeout" in lines


def test_probes_and_timeouts_are_the_scenario_s() -> None:
    settings: dict[str, Any] = {
        "probes": {"interval_s": 0.25, "timeout_s": 0.5, "fall": 3, "rise": 2},
        "answer_timeout_s": 1.5,
    }
    text = haproxy_config(plan("haproxy", **settings))
    assert "check inter 250ms fall 3 rise 2 " in text
    assert {"timeout check 500ms", "timeout server 1500ms"} <= set(words(text))
    assert "proxy_read_timeout 1500ms;" in words(nginx_config(plan("nginx", **settings)))


def test_what_nginx_cannot_do_is_refused_by_name() -> None:
    with pytest.raises(ScenarioError, match="nginx draws two"):
        nginx_config(plan("nginx", policy="power_of_choices", policy_settings={"choices": 3}))


def test_a_program_that_is_missing_is_named() -> None:
    with pytest.raises(ProxyMissingError, match="apt-get install no-such-proxy"):
        find("no-such-proxy")
