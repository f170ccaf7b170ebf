"""What runs in the container: plans that do not fit are refused in one sentence, and the flags are Triton's."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from vitrine_client import VqaClient

from catalogue.photos import photo_from_seed
from serving.errors import ServingError
from serving.serve_container import require_fitting
from serving.triton.installation import find_installation, make_backend_folder
from serving.triton.integrity import read_manifest
from serving.triton.ports import free_port
from tests.helpers.started import started

ROOT = Path(__file__).parents[2]


def manifest(**changes: object) -> dict[str, object]:
    options = {"hardware_compatibility": "none", "version_compatible": False}
    built = {"gpu": "NVIDIA L4", "compute_capability": "8.9", "tensorrt": "11.2.1.2", "options": options, **changes}
    return {"format": 1, "target": "tensorrt", "gpu": built, "sha256": {}}


def test_plans_for_this_very_machine_fit() -> None:
    require_fitting(manifest(), gpus=[("NVIDIA L4", "8.9")], tensorrt="11.2.1")
    require_fitting(manifest(), gpus=[("NVIDIA L4", "8.9")], tensorrt=None)


@pytest.mark.parametrize(
    ("gpus", "tensorrt", "words"),
    [
        ([], "11.2.1", r"plans for NVIDIA L4, and no GPU is visible here: .*--target onnxruntime"),
        ([("NVIDIA H100", "9.0")], "11.2.1", r"built on NVIDIA L4 \(.* 8\.9, .*but NVIDIA H100 here has 9\.0"),
        ([("NVIDIA L4", "8.9"), ("NVIDIA T4", "7.5")], "11.2.1", "but NVIDIA T4 here has 7.5"),
        ([("NVIDIA L4", "8.9")], "11.4.0", r"TensorRT 11\.2\.1\.2, but 11\.4\.0 is here: .*--version-compatible"),
    ],
)  # fmt: skip
def test_plans_that_do_not_fit_are_refused(gpus: list[tuple[str, str]], tensorrt: str, words: str) -> None:
    with pytest.raises(ServingError, match=words):
        require_fitting(manifest(), gpus=gpus, tensorrt=tensorrt)


def test_compatible_plans_fit_elsewhere() -> None:
    options = {"hardware_compatibility": "ampere_plus", "version_compatible": True}
    require_fitting(manifest(options=options), gpus=[("NVIDIA H100", "9.0")], tensorrt="11.4.0")
    with pytest.raises(ServingError, match=r"NVIDIA T4 here has 7\.5"):
        require_fitting(manifest(options=options), gpus=[("NVIDIA T4", "7.5")], tensorrt="11.4.0")


def test_engines_of_onnx_runtime_fit_anywhere() -> None:
    require_fitting({"target": "onnxruntime"}, gpus=[], tensorrt=None)


def test_no_manifest_is_said(tmp_path: Path) -> None:
    with pytest.raises(ServingError, match=r"has no manifest\.json: name a repository"):
        read_manifest(tmp_path)


def dry_run(repository: Path, *arguments: str, path: str = "/usr/bin:/bin") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "serving.container", str(repository), "--dry-run", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": path},
        cwd=Path(__file__).parents[2],
    )


def test_the_command_line_that_would_run(repository: Path) -> None:
    done = dry_run(repository)
    lines = done.stdout.splitlines()
    assert lines[0] == "tritonserver"
    assert "--allow-http=false" in lines
    assert "--grpc-address=0.0.0.0" in lines
    assert not any(line.startswith("--grpc-use-ssl") for line in lines)
    (restricted,) = [line for line in lines if line.startswith("--grpc-restricted-protocol=")]
    assert re.fullmatch(r".*=shared-memory,model-repository,statistics,trace,logging:admin-key=-", restricted), (
        "the key itself is not printed"
    )
    assert "restricted" not in dry_run(repository, "--open-administration").stdout


def caches(*arguments: str, repository: Path) -> list[str]:
    lines = dry_run(repository, *arguments).stdout.splitlines()
    return [line.removeprefix("--cache-config=") for line in lines if line.startswith("--cache-config=")]


def test_features_are_kept_in_memory_or_in_redis_and_never_in_both(repository: Path, tmp_path: Path) -> None:
    memory = ["local,size=1048576"]
    assert caches("--cache-mib=1", "--redis=", repository=repository) == memory, "as docker-compose.yml leaves it"
    shared = caches("--cache-mib=1", "--redis=redis:6379", repository=repository)
    assert shared[:2] == ["redis,host=redis", "redis,port=6379"]
    assert {line.split(",")[0] for line in shared} == {"redis"}
    waits = {line for line in shared if "timeout" in line}
    assert {line.split("=")[0] for line in waits} == {"redis,connect_timeout", "redis,socket_timeout"}
    assert all(int(line.split("=")[1]) > 0 for line in waits), "0 would wait for ever"
    (tmp_path / "plain-text").touch()
    (tmp_path / "redis-ca.crt").touch()
    tls = caches("--redis=redis:6379", "--tls-folder", str(tmp_path), repository=repository)
    assert f"redis,cacert={tmp_path / 'redis-ca.crt'}" in tls
    assert not any("cacert" in line for line in shared)


@pytest.mark.parametrize("text", ["redis", "redis:0", "redis:65536", ":6379", "redis,db=1:6379", "redis:six"])
def test_what_is_no_address_of_a_redis_is_refused(text: str, repository: Path) -> None:
    done = dry_run(repository, f"--redis={text}")
    assert done.returncode == 2
    assert "HOST:PORT of a Redis is expected, such as redis:6379" in done.stderr


def test_plans_without_a_gpu_end_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(manifest()), "utf-8")
    done = dry_run(tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: this repository holds TensorRT plans for NVIDIA L4")


def test_the_gpu_is_read_from_nvidia_smi(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(manifest()), "utf-8")
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\necho "NVIDIA A100, SXM, 8.0"\n', "utf-8")
    program.chmod(0o755)
    done = dry_run(tmp_path, path=f"{tmp_path}:/usr/bin:/bin")
    assert "but NVIDIA A100, SXM here has 8.0" in done.stderr


def test_tls_is_never_dropped_in_silence(repository: Path, tmp_path: Path) -> None:
    done = dry_run(repository, "--tls-folder", str(tmp_path))
    assert done.returncode == 2
    assert "has no server.crt and no server.key" in done.stderr
    (tmp_path / "server.crt").touch()
    (tmp_path / "server.key").touch()
    (tmp_path / "server.key").chmod(0o644)
    assert "others may read or change the server's TLS key" in dry_run(repository, "--tls-folder", str(tmp_path)).stderr
    (tmp_path / "server.key").chmod(0o600)
    assert "has no ca.crt" in dry_run(repository, "--tls-folder", str(tmp_path)).stderr
    (tmp_path / "ca.crt").touch()
    assert "--grpc-use-ssl=true" in dry_run(repository, "--tls-folder", str(tmp_path)).stdout
    assert "mutual" not in dry_run(repository, "--tls-folder", str(tmp_path)).stdout
    (tmp_path / "client-ca.crt").touch()
    assert "has no canary.crt and no canary.key" in dry_run(repository, "--tls-folder", str(tmp_path)).stderr
    (tmp_path / "canary.crt").touch()
    assert "has no canary.key" in dry_run(repository, "--tls-folder", str(tmp_path)).stderr
    (tmp_path / "canary.key").touch()
    (tmp_path / "canary.key").chmod(0o640)
    assert "others may read or change the canary's TLS key" in dry_run(repository, "--tls-folder", str(tmp_path)).stderr
    (tmp_path / "canary.key").chmod(0o600)
    assert "--grpc-use-ssl-mutual=true" in dry_run(repository, "--tls-folder", str(tmp_path)).stdout
    plain = Path(__file__).parents[2] / "deploy" / "no-tls"
    assert "ssl" not in dry_run(repository, "--tls-folder", str(plain)).stdout


def test_the_entry_point_serves_and_ends_as_the_embedded_server_does(repository: Path, tmp_path: Path) -> None:
    """With the wheel's Triton in the place of the container's, and every flag as it would be there."""
    installation = find_installation()
    make_backend_folder(installation, tmp_path / "backends")
    program = tmp_path / "tritonserver"
    program.write_text(
        f'#!/bin/sh\nexport LD_LIBRARY_PATH="{installation.library_path}"\nexec "{installation.binary}" '
        f'--backend-directory="{tmp_path / "backends"}" --cache-directory="{installation.caches}" "$@"\n',
        "utf-8",
    )
    program.chmod(0o755)
    path = f"{tmp_path}:{Path(sys.executable).parent}:/usr/bin:/bin"
    port = free_port()
    command = [sys.executable, "-m", "serving.container", str(repository), "--grpc-port", str(port)]
    command += ["--metrics-port", "0"]
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={"PATH": path}, cwd=ROOT) as process:
        assert process.stdout
        said = []
        for line in process.stdout:
            said.append(line)
            if line == "ready\n":
                break
        assert said[-1:] == ["ready\n"], "".join(said)
        with VqaClient(f"localhost:{port}", timeout_s=20) as client:
            for question in ("What is this?", "这是什么？"):
                assert client.ask(photo_from_seed(1).jpeg_bytes(), question).text
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait(40) == 0
    assert "stopped\n" in rest
