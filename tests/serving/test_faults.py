"""Faults under load, with real processes: what was accepted is answered, nothing wrongly, and soon all is well."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import psutil
import pytest
from tritonclient.grpc import service_pb2
from vitrine_client import GrpcTransport, VitrineError, VqaClient

from checks.fuzz.call import INFER
from checks.fuzz.leaks import leak_in
from serving.server_process import Served, wait_until_ready
from serving.supervision.work_folder import shm_prefix_of
from serving.triton.processes import regions
from tests.helpers.fault_server import (
    IMPATIENT,
    SHORT_ITEMS,
    STEP_CODE,
    changed,
    kill_triton,
    serving,
    wait_until,
    wait_until_whole,
)
from tests.helpers.load import load, photos
from tests.helpers.product import without_text
from tests.helpers.started import started

ROOT = Path(__file__).parents[2]
# The first step, an engine and the last step; the others are killed at night.
STEPS = ("image_preprocess", "image_encoder", "answer_postprocess")
OTHER_STEPS = (
    "image_export", "question_preprocess", "answer_decoder", "candidates_preprocess", "answer_scorer",
    "choice_postprocess", "embedding_export",
)  # fmt: skip


@pytest.mark.parametrize("name", [*STEPS, *(pytest.param(name, marks=pytest.mark.night) for name in OTHER_STEPS)])
def test_a_step_that_is_killed_is_replaced(repository: Path, tmp_path: Path, name: str) -> None:
    with serving(repository, tmp_path) as server, load(server.url) as calls:
        calls.wait_for_answers()
        fault_s = time.monotonic()
        server.steps()[f"{name}_0_0"].kill()
        wait_until_whole(server, calls)
    assert not calls.wrong
    codes = {outcome.error.code for outcome in calls.failed if outcome.error}
    assert codes <= {"UNAVAILABLE", "INTERNAL", "CANCELLED", "DEADLINE_EXCEEDED"}
    assert any(f"the step {name}_0_0 has ended" in line for line in server.lines)
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
        calls.wait_for_answers()
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(INFER)(request.SerializeToString(), timeout=5)
        assert not leak_in(caught.value.details())
        wait_until_whole(server, calls)
    assert not calls.wrong
    assert not calls.outcomes[-1].error


def test_a_server_that_is_killed_comes_back(repository: Path, tmp_path: Path) -> None:
    with serving(repository, tmp_path) as server, load(server.url) as calls:
        prefix = shm_prefix_of(server.steps()["image_encoder_0_0"])
        assert prefix
        assert regions(prefix)
        calls.wait_for_answers()
        fault_s = time.monotonic()
        kill_triton(server)
        wait_until_whole(server, calls)
    assert not calls.wrong
    assert not regions(prefix)
    print(f"Triton: whole again after {calls.whole_again_s(fault_s):.1f} s, {len(calls.failed)} calls failed")


def test_a_step_that_stands_still_is_replaced(repository: Path, tmp_path: Path) -> None:
    with serving(repository, tmp_path) as server, load(server.url) as calls:
        calls.wait_for_answers()
        server.steps()["answer_postprocess_0_0"].suspend()
        wait_until_whole(server, calls)
    assert not calls.wrong
    assert not calls.outcomes[-1].error


def test_a_step_that_hangs_is_noticed_by_the_probe(repository: Path, tmp_path: Path) -> None:
    """One that spins outside of its work is at none."""
    before = "    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:\n"
    flag = tmp_path / "spin"
    spin = f"{before}        import os\n        while os.path.exists({str(flag)!r}):\n            pass\n"
    hanging = changed(
        repository,
        tmp_path / "hanging",
        STEP_CODE.format("answer_postprocess"),
        before,
        spin,
    )
    with serving(hanging, tmp_path, program=IMPATIENT) as server, load(server.url) as calls:
        calls.wait_for_answers()
        flag.touch()
        wait_until(lambda: any("nothing is answered any more" in line for line in server.lines), server)
        flag.unlink()
        wait_until_whole(server, calls)
    assert not calls.wrong
    assert not calls.outcomes[-1].error


def test_one_of_two_instances_that_hangs_is_noticed(repository: Path, tmp_path: Path) -> None:
    """Questions are still answered, by the other one."""
    flag = tmp_path / "spin"
    before = "    def pixels(self, inputs: Tensors) -> Tensors:\n"
    spin = (
        f"{before}        import os\n        try:\n            os.rename({str(flag)!r}, {str(flag)!r} + 'ning')\n"
        "        except OSError:\n            pass\n        else:\n            while True:\n                pass\n"
    )
    hanging = changed(repository, tmp_path / "hanging", STEP_CODE.format("image_preprocess"), before, spin)
    with serving(hanging, tmp_path, program=SHORT_ITEMS) as server, load(server.url) as calls:
        calls.wait_for_answers()
        flag.touch()
        wait_until_whole(server, calls)
    assert any(
        re.search(r"the step image_preprocess_0_\d does not come to an end of its work", line) for line in server.lines
    )
    assert not calls.wrong
    assert not calls.outcomes[-1].error


def test_what_runs_is_the_built_code_wherever_it_is_started(repository: Path, tmp_path: Path) -> None:
    """In the checkout too, whose steps have the same names."""
    assert Path.cwd() == ROOT, "where the steps of the checkout could be imported"
    before = "    kind = _accepted_kind(photo, limits)\n"
    after = f"{before}    if kind != 'PNG':\n        raise PhotoError('said by the built code')\n"  # our probe is a PNG
    built = changed(repository, tmp_path / "built", "image_preprocess/1/vitrine_steps/photo/pixels.py", before, after)
    with (
        serving(built, tmp_path) as server,
        VqaClient(server.url) as client,
        pytest.raises(VitrineError, match="said by the built code"),
    ):
        client.ask(photos()[0], "What is this?", timeout_s=20)


SLOW_PHOTO = (
    "    kind = _accepted_kind(photo, limits)\n",
    "    kind = _accepted_kind(photo, limits)\n    import time\n    time.sleep(0.4)\n",
)
ROUNDS = 2
"""Photos of each caller: of both batches of 16 together, one after the other, longer than an impatient server waits."""


@pytest.mark.parametrize("kind", ["questions", "refused"])
def test_a_server_that_is_busy_with_slow_photos_is_left_alone(repository: Path, tmp_path: Path, kind: str) -> None:
    """Nobody is answered while a step works on its batch of 16, for 6.4 s, or all photos are refused in the end."""
    before, after = SLOW_PHOTO
    refused = f"{after}    if kind != 'PNG':\n        raise PhotoError('broken')\n"  # our probe is a PNG
    change = (before, after if kind == "questions" else refused)
    slow = changed(repository, tmp_path / "slow", "image_preprocess/1/vitrine_steps/photo/pixels.py", *change)
    with (
        serving(slow, tmp_path, program=IMPATIENT) as server,
        VqaClient(transport=GrpcTransport(server.url, retries=False)) as client,
    ):

        def ask(number: int) -> Counter[str]:
            found: Counter[str] = Counter()
            for turn in range(ROUNDS):
                try:
                    client.ask(photos()[0] + bytes([number, turn]), "这是什么？", timeout_s=120)
                except VitrineError as error:
                    found[error.code] += 1
                else:
                    found["OK"] += 1
            return found

        with ThreadPoolExecutor(32) as pool:
            outcomes = sum(pool.map(ask, range(32)), Counter())
        assert not server.health()["restarts"]
    assert set(outcomes) == {"OK" if kind == "questions" else "INVALID_ARGUMENT"}


def test_a_server_that_is_busy_with_embeddings_is_left_alone(repository: Path, tmp_path: Path) -> None:
    """Its decoder has nothing to do, and our own question waits for longer than it may."""
    slow = changed(repository, tmp_path / "slow", "image_preprocess/1/vitrine_steps/photo/pixels.py", *SLOW_PHOTO)
    with (
        serving(slow, tmp_path, program=IMPATIENT) as server,
        VqaClient(transport=GrpcTransport(server.url, retries=False)) as client,
    ):

        def embed(number: int) -> bool:
            new_photos = [photos()[0] + bytes([number, turn]) for turn in range(ROUNDS)]
            return all(client.embed(photo, timeout_s=120).vector.size for photo in new_photos)

        with ThreadPoolExecutor(32) as pool:
            assert all(pool.map(embed, range(32)))
        assert not server.health()["restarts"]


def test_slow_photos_that_were_accepted_are_answered_before_the_end(repository: Path, tmp_path: Path) -> None:
    slow = changed(repository, tmp_path / "slow", "image_preprocess/1/vitrine_steps/photo/pixels.py", *SLOW_PHOTO)
    with serving(slow, tmp_path) as server, load(server.url, callers=6, timeout_s=30, retries=False) as calls:
        calls.wait_for_answers(3)
        signal_s = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
    in_flight = [o for o in calls.outcomes if o.start_s < signal_s < o.end_s]
    assert in_flight
    assert any(not outcome.error for outcome in in_flight)
    assert all("takes nothing new" in outcome.error.message for outcome in in_flight if outcome.error)


def test_a_log_that_is_cut_short_from_outside_stays_short(repository: Path, tmp_path: Path) -> None:
    with serving(repository, tmp_path) as server:
        log = tmp_path / "triton.log"
        os.truncate(log, 0)
        kill_triton(server)
        wait_until_whole(server)
        assert b"\0" not in log.read_bytes()
        assert log.stat().st_size


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_what_was_accepted_is_answered_before_the_end(repository: Path, tmp_path: Path, stop: signal.Signals) -> None:
    """A call of before the signal fails only if it had not been accepted: it stood before a closed door."""
    with serving(repository, tmp_path) as server, load(server.url, retries=False, callers=16) as calls:
        calls.wait_for_answers()
        signal_s = time.monotonic()
        server.process.send_signal(stop)
        assert server.process.wait(60) == 0
        wait_until(lambda: calls.failed, server)
    assert not calls.wrong
    assert {outcome.error.code for outcome in calls.failed if outcome.error} == {"UNAVAILABLE"}
    in_flight = [o for o in calls.outcomes if o.start_s < signal_s < o.end_s]
    assert len(in_flight) > 5
    assert all("takes nothing new" in outcome.error.message for outcome in in_flight if outcome.error)
    assert "stopped" in server.lines


def test_a_full_disk_for_logs_stops_nothing(repository: Path, tmp_path: Path) -> None:
    with serving(repository, tmp_path, "--log-file", "/dev/full") as server, load(server.url) as calls:
        calls.wait_for_answers()
    assert len(calls.outcomes) > 20
    assert not calls.failed
    assert not calls.wrong


def test_a_full_disk_for_the_launchers_own_lines_stops_no_restart(repository: Path, tmp_path: Path) -> None:
    ready_file = tmp_path / "ready.json"
    command = [sys.executable, "-m", "serving", str(repository), "--grpc-port", "0", "--no-metrics"]
    command += ["--log-file", str(tmp_path / "triton.log"), "--ready-file", str(ready_file)]
    with (
        Path("/dev/full").open("w", encoding="utf-8") as full,
        started(command, stderr=full) as process,
    ):
        server = Served(process, wait_until_ready(process, ready_file))
        step = server.steps()["image_encoder_0_0"]
        step.kill()
        wait_until(lambda: server.steps().get("image_encoder_0_0", step) != step, server)
        with VqaClient(server.url, timeout_s=20) as client:
            for question in ("What is this?", "这是什么？"):
                assert client.ask(photos()[0], question).text
        process.terminate()
        assert process.wait(30) == 0


def test_full_shared_memory_is_told_and_ends_nothing(repository: Path, tmp_path: Path) -> None:
    """Of a file system of its own, which holds what the steps take at first, and little more."""
    own = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*own, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no file systems of one's own here")
    small = without_text(repository, tmp_path / "repository")
    serve = [sys.executable, "-m", "serving", str(small), "--grpc-port", "0", "--no-metrics"]
    mount = 'mount -t tmpfs -o size=34m tmpfs /dev/shm && exec "$@"'
    serve += ["--log-file", str(tmp_path / "triton.log"), "--ready-file", str(tmp_path / "ready.json")]
    command = [*own, "sh", "-c", mount, "sh", *serve]
    with started(command) as process:
        url = wait_until_ready(process, tmp_path / "ready.json").grpc_url
        with VqaClient(url, timeout_s=20) as client:
            for question in ("What is this?", "这是什么？"):
                expected = client.ask(photos()[1], question).text
                with pytest.raises(VitrineError, match="the server has run out of shared memory") as caught:
                    client.ask(photos()[1] + bytes(15 * 2**20), question)
                assert caught.value.code == "INTERNAL"
                assert client.ask(photos()[1] + b"new", question).text == expected
        process.terminate()
        assert process.wait(30) == 0


@pytest.mark.parametrize("change", ["corrupt", "missing", "added", "empty folder"])
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
    elif change == "empty folder":
        (changed / "new_model").mkdir()
    else:
        (changed / "answer_postprocess" / "1" / "sitecustomize.py").write_text("import os", "utf-8")
    command = [sys.executable, "-m", "serving", str(changed), "--grpc-port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert re.search(
        {
            "corrupt": r"error: .*answer_decoder/1/model\.onnx is not what was built \(SHA-256",
            "missing": r"error: .* lacks answer_decoder/1/model\.onnx",
            "empty folder": r"error: .*new_model was not built, so it may not be served",
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
        calls.wait_for_answers()
    assert not calls.failed
    assert not calls.wrong


def test_the_key_of_administration_is_in_no_process_list(repository: Path, tmp_path: Path) -> None:
    key = "a-key-that-nobody-may-see-0123456789"
    (tmp_path / "key").touch(mode=0o600)
    (tmp_path / "key").write_text(f"{key}\n", "utf-8")
    with serving(repository, tmp_path, "--admin-key-file", str(tmp_path / "key")) as server:
        tree = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]
        assert len(tree) > 10
        assert not [process for process in tree if key in " ".join(process.cmdline())]
        with VqaClient(server.url) as client:
            assert client.health().model_ready
    assert key not in (tmp_path / "triton.log").read_text("utf-8", "replace")
    assert key not in "".join(server.lines)
