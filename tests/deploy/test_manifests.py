"""The files for Compose and Kubernetes fit the image and give it no more than it needs."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

import service
from deploy.dockerfile import parse, stages
from service.settings import Settings

ROOT = Path(__file__).parents[2]
IMAGE = stages(parse((ROOT / "Dockerfile").read_text()))["service"]
UID = int(IMAGE.all("USER")[-1].text.partition(":")[0])
DRAIN_S = Settings.model_fields["drain_s"].default
PORT = int(IMAGE.all("EXPOSE")[-1].text)


@pytest.fixture
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    return found["services"]["percore"]  # type: ignore[no-any-return]


@pytest.fixture
def kubernetes() -> dict[str, dict[str, Any]]:
    documents = yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text())
    return {document["kind"]: document for document in documents}


@pytest.fixture
def pod(kubernetes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return kubernetes["Deployment"]["spec"]["template"]["spec"]  # type: ignore[no-any-return]


def test_compose_gives_no_more_than_needed(compose: dict[str, Any]) -> None:
    assert compose["read_only"] is True
    assert compose["cap_drop"] == ["ALL"]
    assert compose["security_opt"] == ["no-new-privileges:true"]
    assert compose["volumes"] == ["../store:/store:ro"]
    assert [mount.partition(":")[0] for mount in compose["tmpfs"]] == ["/tmp"]
    assert all(port.startswith("127.0.0.1:") for port in compose["ports"])


def test_compose_fits_the_image(compose: dict[str, Any]) -> None:
    assert compose["build"]["target"] == IMAGE.name
    check, ours = IMAGE.all("HEALTHCHECK")[-1], compose["healthcheck"]
    assert ours["test"] == ["CMD", *(check.exec_form or [])]
    assert {name: str(ours[name]) for name in ("interval", "timeout", "retries")} == {
        name: check.flags[name] for name in ("interval", "timeout", "retries")
    }
    assert ours["start_period"] == check.flags["start-period"]
    assert compose["ports"][0].endswith(f":{PORT}")


def test_compose_waits_for_the_drain(compose: dict[str, Any]) -> None:
    assert float(compose["stop_grace_period"].removesuffix("s")) >= DRAIN_S + 10


def test_kubernetes_waits_for_balancers_and_the_drain(pod: dict[str, Any]) -> None:
    [container] = pod["containers"]
    command = container["lifecycle"]["preStop"]["exec"]["command"]
    assert command[0] == IMAGE.all("ENTRYPOINT")[-1].exec_form[0]  # type: ignore[index]
    pause_s = float(re.findall(r"sleep\((\d+)\)", command[-1])[0])
    probe = container["readinessProbe"]
    assert pause_s >= probe["periodSeconds"] * probe["failureThreshold"]
    assert pod["terminationGracePeriodSeconds"] >= pause_s + DRAIN_S + 10


def test_the_pod_is_unprivileged(pod: dict[str, Any]) -> None:
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == UID
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_pod_fits_the_image(pod: dict[str, Any]) -> None:
    [container] = pod["containers"]
    assert container["ports"] == [{"name": "http", "containerPort": PORT}]
    assert container["image"] == f"percore-baked:{service.__version__}"
    assert set(container["resources"]) == {"requests", "limits"}


def test_probes_ask_the_right_question(pod: dict[str, Any]) -> None:
    [container] = pod["containers"]
    asked = {
        name: container[name]["httpGet"]["path"]
        for name in ("startupProbe", "readinessProbe", "livenessProbe")
    }
    assert asked == {
        "startupProbe": "/health/ready",
        "readinessProbe": "/health/ready",
        "livenessProbe": "/health/live",
    }


def test_the_service_finds_the_pods(kubernetes: dict[str, dict[str, Any]]) -> None:
    labels = kubernetes["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert kubernetes["Service"]["spec"]["selector"].items() <= labels.items()
    assert kubernetes["Deployment"]["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert kubernetes["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
