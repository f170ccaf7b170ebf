"""Faults under load, with real processes: what was accepted is answered, nothing wrongly, and soon all is well."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import psutil
import pytest
from tritonclient.grpc import service_pb2
from vitrine_client import VqaClient

from builders.manifest import renew_digests
from fuzz.leaks import leak_in
from fuzz.requests import INFER
from serving.errors import ServingError
from serving.server import _SHARED_MEMORY
from serving.supervisor import RestartPolicy
from tests.serving.load import load

INSTANCE = re.compile(r"^[a-z_]+_\d+_\d+$")
STEPS = (
    "image_preprocess", "image_encoder", "image_export", "question_preprocess", "answer_decoder", "answer_postprocess",
    "candidates_preprocess", "answer_scorer", "choice_postprocess", "embedding_export",
)  # fmt: skip


@dataclass
class Command:
    """`python -m serving`, and what it said."""

    process: subprocess.Popen[str]
    url: str
    said: list[str] = field(default_factory=list)

    def wait_until_whole(self) -> None:
        """Until the supervisor says so; how long it may take is measured, not asserted, for machines differ."""
        end_s = time.monotonic() + 90
        while not any(line.startswith("whole again") for line in self.said):
            assert time.monotonic() < end_s, "".join(self.said)
            time.sleep(0.1)
        time.sleep(2)

    def triton(self) -> psutil.Process:
        return next(p for p in psutil.Process(self.process.pid).children() if "tritonserver" in p.name())

    def step(self, name: str) -> psutil.Process:
        """The process of the first instance of a step."""
        steps = {
            part: p for p in self.triton().children(recursive=True) for part in p.cmdline() if INSTANCE.match(part)
        }
        return steps[f"{name}_0_0"]


@contextmanager
def serving(repository: Path, folder: Path, *arguments: str) -> Iterator[Command]:
    command = [sys.executable, "-m", "serving", str(repository), "--no-metrics", *arguments]
    if "--grpc-port" not in arguments:
        command += ["--grpc-port", "0"]
    if "--log-file" not in arguments:
        command += ["--log-file", str(folder / "triton.log")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, text=True, **pipes) as process:  # type: ignore[call-overload]
        started = []
        for line in process.stdout:
            started.append(line)
            if line.startswith("ask: "):
                break
        url = next((line.split()[1] for line in started if "gRPC" in line), "")
        assert url, "".join(started)
        found = Command(process, url, started)
        reader = threading.Thread(target=lambda: found.said.extend(process.stdout), daemon=True)
        reader.start()
        try:
            yield found
        finally:
            process.terminate()
            process.wait(40)
            reader.join(5)


@pytest.mark.parametrize("name", STEPS)
def test_a_step_that_is_killed_is_replaced(repository: Path, tmp_path: Path, name: str) -> None:
    with serving(repository, tmp_path) as server, load(server.url) as calls:
        time.sleep(1)
        fault_s = time.monotonic()
        server.step(name).kill()
        server.wait_until_whole()
    assert not calls.wrong
    codes = {outcome.error.code for outcome in calls.failed if outcome.error}
    assert codes <= {"UNAVAILABLE", "INTERNAL", "CANCELLED", "DEADLINE_EXCEEDED"}
    assert any(f"the step {name}_0_0 has ended" in line for line in server.said)
    print(f"{name}: whole again after {calls.whole_again_s(fault_s):.1f} s, {len(calls.failed)} calls failed")


def test_a_request_that_kills_a_step_is_survived(repository: Path, tmp_path: Path) -> None:
    """A shape that cannot be, sent to a model that only ensembles are to call, ends its process (Triton 2.51)."""
    request = service_pb2.ModelInferRequest(model_name="answer_decoder")
    request.inputs.add(name="IMAGE_FEATURES", datatype="FP16", shape=[1, 52, 192])
    request.raw_input_contents.append(bytes(52 * 192 * 2))
    for name in ("QUESTION_IDS", "QUESTION_MASK"):
        request.inputs.add(name=name, datatype="INT32", shape=[1, -(2**63), 32])
        request.raw_input_contents.append(b"")
    with (
        serving(repository, tmp_path) as server,
        load(server.url) as calls,
        grpc.insecure_channel(server.url) as channel,
    ):
        time.sleep(1)
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(INFER)(request.SerializeToString(), timeout=5)
        assert not leak_in(caught.value.details())
        server.wait_until_whole()
    assert not calls.wrong
    assert not calls.outcomes[-1].error


def test_a_server_that_is_killed_comes_back(repository: Path, tmp_path: Path) -> None:
    before = {file.name for file in _SHARED_MEMORY.glob("vitrine-*")}
    with serving(repository, tmp_path) as server, load(server.url) as calls:
        time.sleep(1)
        fault_s = time.monotonic()
        server.triton().kill()
        server.wait_until_whole()
    assert not calls.wrong
    assert {file.name for file in _SHARED_MEMORY.glob("vitrine-*")} == before
    print(f"Triton: whole again after {calls.whole_again_s(fault_s):.1f} s, {len(calls.failed)} calls failed")


def test_a_step_that_stands_still_is_replaced(repository: Path, tmp_path: Path) -> None:
    with serving(repository, tmp_path) as server, load(server.url) as calls:
        time.sleep(1)
        server.step("answer_postprocess").suspend()
        server.wait_until_whole()
    assert not calls.wrong
    assert not calls.outcomes[-1].error


def test_a_step_that_hangs_is_noticed_by_the_canary(repository: Path, tmp_path: Path) -> None:
    """A step that spins for ever looks alive from outside."""
    hanging = tmp_path / "hanging"
    shutil.copytree(repository, hanging, ignore=shutil.ignore_patterns("__pycache__"))
    model = hanging / "answer_postprocess" / "1" / "model.py"
    spin = (
        "    def execute(self, requests):\n        import os\n        while os.path.exists({!r}):\n            pass\n"
    )
    flag = tmp_path / "spin"
    model.write_text(
        model.read_text("utf-8").replace(
            "    def execute(self, requests: list[Any]) -> list[Any]:\n", spin.format(str(flag))
        ),
        "utf-8",
    )
    renew_digests(hanging)
    with serving(hanging, tmp_path) as server, load(server.url) as calls:
        time.sleep(1)
        flag.touch()
        end_s = time.monotonic() + 90
        while not any("no question is answered any more" in line for line in server.said):
            assert time.monotonic() < end_s
            time.sleep(0.1)
        flag.unlink()
        server.wait_until_whole()
    assert not calls.wrong
    assert not calls.outcomes[-1].error


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_what_was_accepted_is_answered_before_the_end(repository: Path, tmp_path: Path, stop: signal.Signals) -> None:
    """A call of before the signal fails only if it had not been accepted: it stood before a closed door."""
    with serving(repository, tmp_path) as server, load(server.url, retries=False, callers=16) as calls:
        time.sleep(2)
        signal_s = time.monotonic()
        server.process.send_signal(stop)
        assert server.process.wait(30) == 0
        time.sleep(0.5)
    assert not calls.wrong
    assert {outcome.error.code for outcome in calls.failed if outcome.error} == {"UNAVAILABLE"}
    in_flight = [o for o in calls.outcomes if o.start_s < signal_s < o.end_s]
    assert len(in_flight) > 5
    assert all("takes nothing new" in outcome.error.message for outcome in in_flight if outcome.error)
    assert "stopped\n" in server.said


def test_a_full_disk_for_logs_stops_nothing(repository: Path, tmp_path: Path) -> None:
    with serving(repository, tmp_path, "--log-file", "/dev/full") as server, load(server.url) as calls:
        time.sleep(2)
    assert len(calls.outcomes) > 20
    assert not calls.failed
    assert not calls.wrong


@pytest.mark.parametrize("change", ["corrupt", "missing", "added"])
def test_a_repository_that_is_not_what_was_built_is_refused(repository: Path, tmp_path: Path, change: str) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(repository, changed, ignore=shutil.ignore_patterns("__pycache__"))
    engine = changed / "answer_decoder" / "1" / "model.onnx"
    if change == "corrupt":
        content = bytearray(engine.read_bytes())
        content[len(content) // 2] ^= 1
        engine.write_bytes(content)
    elif change == "missing":
        engine.unlink()
    else:
        (changed / "answer_postprocess" / "1" / "sitecustomize.py").write_text("import os", "utf-8")
    command = [sys.executable, "-m", "serving", str(changed), "--grpc-port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert re.search(
        {
            "corrupt": r"error: .*answer_decoder/1/model\.onnx is not what was built \(SHA-256",
            "missing": r"error: .* lacks answer_decoder/1/model\.onnx",
            "added": r"error: .*sitecustomize\.py was not built, so it may not be served",
        }[change],
        done.stderr,
    )


def test_callers_whose_connection_is_cut_harm_nobody(repository: Path, tmp_path: Path) -> None:
    with serving(repository, tmp_path) as server, load(server.url) as calls:
        host, port = server.url.split(":")
        for number in range(200):
            with socket.create_connection((host, int(port))) as cut:
                # The start of HTTP/2, then nothing, or noise.
                cut.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
                if number % 2:
                    cut.sendall(os.urandom(300))
                cut.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset, not an end
        time.sleep(1)
    assert not calls.failed
    assert not calls.wrong


def test_the_key_of_administration_is_in_no_process_list(repository: Path, tmp_path: Path) -> None:
    key = "a-key-that-nobody-may-see-0123456789"
    (tmp_path / "key").write_text(f"{key}\n", "utf-8")
    with serving(repository, tmp_path, "--admin-key-file", str(tmp_path / "key")) as server:
        tree = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]
        assert len(tree) > 10
        assert not [process for process in tree if key in " ".join(process.cmdline())]
        with VqaClient(server.url) as client:
            assert client.health().model_ready
    assert key not in (tmp_path / "triton.log").read_text("utf-8", "replace")
    assert key not in "".join(server.said)


def test_restarts_wait_longer_each_time_and_end() -> None:
    policy = RestartPolicy(most=4, within_s=600, first_delay_s=1)
    assert [policy.delay_s(recent) for recent in range(4)] == [0, 1, 2, 4]
    with pytest.raises(ServingError, match="4 restarts in 10 minutes did not help"):
        policy.delay_s(4)
