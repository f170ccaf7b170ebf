"""The gateway, as the real Envoy runs it: who gets in, how often, how much, and what callers see when they do not."""

import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import pytest
import tritonclient.grpc as triton
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException
from vitrine_client import (
    AccessDeniedError,
    InvalidRequestError,
    ServerUnavailableError,
    TlsFiles,
    VitrineError,
    VqaClient,
)
from vitrine_client.calls import ask_call
from vitrine_client.transport import GrpcTransport

from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed
from serving.door.gateway_config import GatewaySettings, gateway_config, yaml_from_config
from serving.door.process import envoy_binary
from serving.supervision.server import EmbeddedServer
from serving.triton.command import ServerSettings
from serving.triton.ports import free_port
from tests.helpers.certificates import write_certificates
from tests.helpers.hostile import HOSTILE, call_raw
from tests.helpers.name_server import name_server
from tests.helpers.started import started

SOURCE = Path(__file__).parents[2] / "deploy" / "gateway"
KEY, SLOW_KEY = "k" * 64, "s" * 64
PHOTO = photo_from_seed(first_seed("test") + 5, long_side_px=(300, 400)).jpeg_bytes()


@dataclass(frozen=True)
class Gateway:
    url: str
    tls: TlsFiles
    log: Path

    def client(self, key: str | None = KEY, *, retries: bool = True, timeout_s: float = 10) -> VqaClient:
        transport = GrpcTransport(self.url, tls=self.tls, api_key=key, retries=retries)
        return VqaClient(transport=transport, timeout_s=timeout_s)


KEYS = f"[{{client: a-shop, key: {KEY}}}, {{client: another-shop, key: {SLOW_KEY}}}]"


@contextmanager
def envoy_before(servers: Sequence[str], folder: Path, credentials: str = KEYS, **settings: Any) -> Iterator[str]:
    """A port where Envoy serves our configuration, with certificates of `folder`/tls.

    Args:
        servers: their addresses.
        credentials: of those who may ask, as in keys.yaml.
        settings: of `GatewaySettings`, other than here.
    """
    write_certificates(folder / "tls")
    keys = (SOURCE / "keys.yaml").read_text("utf-8")
    assert keys.endswith("credentials: []\n")
    (folder / "keys.yaml").write_text(keys.replace("credentials: []", f"credentials: {credentials}"), "utf-8")
    port = free_port()
    smaller = GatewaySettings(
        servers=tuple((host, int(port)) for host, _, port in (server.rpartition(":") for server in servers)),
        host="127.0.0.1",
        port=port,
        tls=folder / "tls",
        keys=folder / "keys.yaml",
        log=folder / "access.log",
        rate_per_s=1000,
        # So that the tests need not send many requests at once.
        under_way=8,
        under_way_of_shop=5,
    )
    (folder / "envoy.yaml").write_text(yaml_from_config(gateway_config(replace(smaller, **settings))), "utf-8")
    command = [str(envoy_binary()), "-c", str(folder / "envoy.yaml"), "--concurrency", "1", "--disable-hot-restart"]
    command += ["--file-flush-interval-msec", "100", "-l", "warning"]
    with (folder / "error.log").open("wb") as errors, started(command, stderr=errors) as process:
        wait_until(lambda: is_listening(port) or process.poll() is not None)
        assert process.poll() is None, (folder / "error.log").read_text("utf-8")
        yield f"localhost:{port}"


def wait_until(is_so: Callable[[], bool], timeout_s: float = 15) -> None:
    end_s = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def gateway(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")

    def server(name: str) -> EmbeddedServer:
        return EmbeddedServer(ServerSettings(repository, grpc_port=0, metrics_port=None, log_file=folder / name))

    with server("1.log") as first, server("2.log") as second, envoy_before([first.url, second.url], folder) as url:
        found = Gateway(url, TlsFiles(str(folder / "tls" / "ca.crt")), folder / "access.log")
        with found.client(timeout_s=20) as client:
            assert client.ask(PHOTO, "What is this?").text
        yield found


def test_a_known_key_gets_answers_in_both_languages(gateway: Gateway) -> None:
    with gateway.client() as client:
        assert client.health().model_ready
        assert client.health().contract_version is None, "configs are closed here, and so is the version in them"
        for question in ("What is this?", "这是什么？"):
            assert client.ask(PHOTO, question).status == "answered"


@pytest.mark.parametrize("key", [None, "x" * 64, f"{KEY}x", KEY[:-1], KEY.upper()])
def test_any_other_key_gets_nothing(gateway: Gateway, key: str | None) -> None:
    with gateway.client(key) as client:
        with pytest.raises(AccessDeniedError, match="the API key is missing or not known") as caught:
            client.ask(PHOTO, "这是什么？")
        assert caught.value.code == "UNAUTHENTICATED"
        with pytest.raises(AccessDeniedError):
            client.health()


def test_a_key_never_travels_in_plain_text(gateway: Gateway) -> None:
    with pytest.raises(InvalidRequestError, match="an API key travels encrypted only"):
        VqaClient(gateway.url, api_key=KEY)
    with VqaClient(gateway.url, timeout_s=6) as client, pytest.raises(VitrineError) as caught:
        client.ask(PHOTO, "What is this?")
    assert caught.value.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED")


def test_administration_is_closed(gateway: Gateway) -> None:
    client = triton.InferenceServerClient(gateway.url, ssl=True, root_certificates=gateway.tls.authority)
    headers = {"authorization": f"Bearer {KEY}"}
    for call in (
        client.get_inference_statistics,
        client.get_model_repository_index,
        client.get_system_shared_memory_status,
    ):
        with pytest.raises(InferenceServerException, match="closed to callers") as caught:
            call(headers=headers)
        assert caught.value.status() == "StatusCode.PERMISSION_DENIED"


def test_more_at_once_than_can_be_under_way_are_refused(gateway: Gateway) -> None:
    def asked(client: VqaClient, number: int) -> str:
        try:
            client.ask(PHOTO + bytes([50, number]), "这是什么？")
        except ServerUnavailableError as error:
            assert "no server took the request" in error.message
            return error.code
        return "ok"

    with gateway.client(retries=False) as client, ThreadPoolExecutor(30) as pool:
        found = Counter(pool.map(lambda number: asked(client, number), range(30)))
        assert found["UNAVAILABLE"]
        assert found["ok"] >= 5
        assert client.ask(PHOTO, "What is this?").text


def test_what_is_too_large_is_refused_before_a_server_sees_it(gateway: Gateway) -> None:
    transport = GrpcTransport(gateway.url, tls=gateway.tls, api_key=KEY)  # a client refuses it itself
    call = ask_call(PHOTO + bytes(20 * 2**20), "What is this?", None)
    with pytest.raises(InvalidRequestError, match="more than 17 MiB"):
        transport.infer(call.model, call.inputs, call.outputs, timeout_s=20, request_id="")
    transport.close()


def test_what_is_no_call_of_ours_gets_a_status_of_grpc(gateway: Gateway) -> None:
    credentials = grpc.ssl_channel_credentials(Path(gateway.tls.authority).read_bytes())
    with grpc.secure_channel(gateway.url, credentials) as channel:
        for method in ("/inference.GRPCInferenceService/Nothing", "/other.Service/Do", "/"):
            call = channel.unary_unary(method)
            with pytest.raises(grpc.RpcError) as caught:
                call(b"noise", timeout=5, metadata=[("authorization", f"Bearer {KEY}")])
            assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED


class Fake(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # generated without types
    """Fails in the way that a request's id names."""

    def __init__(self) -> None:
        self.server = grpc.server(ThreadPoolExecutor(20), options=[("grpc.so_reuseport", 0)])
        self.may_end = threading.Event()
        self.asked: list[dict[str, str]] = []
        """The headers of each call."""

    def ModelInfer(self, request: Any, context: grpc.ServicerContext) -> None:  # noqa: N802  gRPC's name
        self.asked.append(dict(context.invocation_metadata()))
        if request.id == "full":
            message = "Failed to increase the shared memory pool size for key 'vitrine-triton-abcdefgh-1' to 2 bytes"
            context.abort(grpc.StatusCode.INTERNAL, message)
        if request.id == "slow":
            self.may_end.wait()
        context.abort(grpc.StatusCode.INTERNAL, "100 % of it: 这是什么？")


@contextmanager
def serving_fake(host: str, port: int = 0) -> Iterator[tuple[Fake, int]]:
    """A server, and its port."""
    behind = Fake()
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(behind, behind.server)
    port = behind.server.add_insecure_port(f"{host}:{port}")
    behind.server.start()
    try:
        yield behind, port
    finally:
        behind.may_end.set()
        behind.server.stop(None)


@contextmanager
def stub_at(url: str, folder: Path) -> Iterator[Any]:
    credentials = grpc.ssl_channel_credentials((folder / "tls" / "ca.crt").read_bytes())
    with grpc.secure_channel(url, credentials) as channel:
        grpc.channel_ready_future(channel).result(10)
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        stub.channel = channel
        yield stub


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[tuple[Fake, Any]]:
    """A server behind a gateway of its own, and a stub to call it by."""
    with (
        serving_fake("127.0.0.1") as (behind, port),
        envoy_before([f"127.0.0.1:{port}"], tmp_path) as url,
        stub_at(url, tmp_path) as stub,
    ):
        yield behind, stub


def failure(stub: Any, request_id: str, key: str = KEY, timeout_s: float = 10) -> grpc.Future:
    request = service_pb2.ModelInferRequest(id=request_id, model_name="vqa")
    return stub.ModelInfer.future(request, timeout=timeout_s, metadata=[("authorization", f"Bearer {key}")])


def test_what_would_end_a_server_does_not_reach_it(fake: tuple[Fake, Any]) -> None:
    behind, stub = fake
    for name, request in HOSTILE.items():
        with pytest.raises(grpc.RpcError) as caught:
            call_raw(stub.channel, request, metadata=[("authorization", f"Bearer {KEY}")], wait_for_ready=True)
        assert (caught.value.code(), caught.value.details()) == (request.code, request.message), name
    assert not behind.asked


def test_streams_are_refused(fake: tuple[Fake, Any]) -> None:
    behind, stub = fake
    metadata = [("authorization", f"Bearer {KEY}"), ("triton_grpc_error", "true")]
    with pytest.raises(grpc.RpcError, match="streams are not served") as caught:
        list(stub.ModelStreamInfer(iter([service_pb2.ModelInferRequest()] * 8), timeout=10, metadata=metadata))
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert not behind.asked


def test_a_model_behind_vqa_is_closed(fake: tuple[Fake, Any]) -> None:
    behind, stub = fake
    for name in ("answer_decoder", "image_features", "no such model"):
        request = service_pb2.ModelInferRequest(model_name=name)
        with pytest.raises(grpc.RpcError, match="closed to callers of the gateway") as caught:
            stub.ModelInfer(request, timeout=10, metadata=[("authorization", f"Bearer {KEY}")])
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert not behind.asked


def test_a_shop_cannot_call_itself_another(fake: tuple[Fake, Any], tmp_path: Path) -> None:
    behind, stub = fake
    metadata = [("authorization", f"Bearer {KEY}"), ("x-vitrine-shop", "another-shop"), ("admin-key", "k")]
    call = stub.ModelInfer.future(service_pb2.ModelInferRequest(), timeout=10, metadata=metadata)
    assert call.code() == grpc.StatusCode.INTERNAL
    [headers] = behind.asked
    assert headers["x-vitrine-shop"] == "a-shop"
    assert not {"authorization", "admin-key"} & set(headers)
    wait_until(lambda: " a-shop " in (tmp_path / "access.log").read_text("utf-8"))
    assert "another-shop" not in (tmp_path / "access.log").read_text("utf-8")


def test_a_call_that_was_broken_off_counts_until_its_deadline_only(fake: tuple[Fake, Any]) -> None:
    _, stub = fake
    for _ in range(5):
        failure(stub, "slow", timeout_s=2).cancel()
    wait_until(lambda: failure(stub, "").code() == grpc.StatusCode.INTERNAL)


def test_a_server_that_moves_is_followed(tmp_path: Path) -> None:
    with serving_fake("127.0.0.1") as (old, port), name_server("127.0.0.1") as names:
        settings: dict[str, Any] = {"name_server": ("127.0.0.1", names.port), "look_up_s": 1}
        with envoy_before([f"vitrine.test:{port}"], tmp_path, **settings) as url, stub_at(url, tmp_path) as stub:
            wait_until(lambda: failure(stub, "").code() == grpc.StatusCode.INTERNAL)
            assert old.asked
            with serving_fake("127.0.0.2", port) as (new, _):
                names.address = "127.0.0.2"
                old.asked.clear()
                wait_until(lambda: failure(stub, "").code() == grpc.StatusCode.INTERNAL and bool(new.asked))
                old.asked.clear()
                assert failure(stub, "").code() == grpc.StatusCode.INTERNAL
                assert not old.asked


def test_the_file_that_comes_with_it_is_what_is_written_and_lets_nobody_in(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "serving.door.gateway"]
    written = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert (SOURCE / "envoy.yaml").read_text("utf-8") == written
    with serving_fake("127.0.0.1") as (behind, port), envoy_before([f"127.0.0.1:{port}"], tmp_path, keys=SOURCE / "keys.yaml") as url:  # fmt: skip  # noqa: E501
        with stub_at(url, tmp_path) as stub:
            assert failure(stub, "").code() == grpc.StatusCode.UNAUTHENTICATED
        assert not behind.asked


@pytest.mark.parametrize(
    "option", ["--rate-per-s=0", "--under-way=x", "--server=vitrine", "--server=:1", "--server=a:0"]
)
def test_options_that_cannot_be_are_refused(option: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "serving.door.gateway", option], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "is expected" in done.stderr


def test_names_of_shared_memory_stay_inside(fake: tuple[Fake, Any]) -> None:
    for request_id, words in (("full", "the server has run out of shared memory"), ("", "100 % of it: 这是什么？")):
        call = failure(fake[1], request_id)
        assert call.code() == grpc.StatusCode.INTERNAL
        assert call.details().startswith(words)


def test_each_key_has_a_rate_of_its_own(tmp_path: Path) -> None:
    with (
        serving_fake("127.0.0.1") as (behind, port),
        envoy_before([f"127.0.0.1:{port}"], tmp_path, rate_per_s=4, under_way=200, under_way_of_shop=100) as url,
        stub_at(url, tmp_path) as stub,
    ):
        calls = [failure(stub, "") for _ in range(60)]
        found = Counter(call.code() for call in calls)
        assert set(found) == {grpc.StatusCode.INTERNAL, grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert found[grpc.StatusCode.INTERNAL] == len(behind.asked) >= 4
        refused = next(call for call in calls if call.code() == grpc.StatusCode.RESOURCE_EXHAUSTED)
        assert refused.details().startswith("more requests a second than this API key may send")
        assert failure(stub, "", SLOW_KEY).code() == grpc.StatusCode.INTERNAL, "another shop is not touched"


def test_a_rate_is_kept_among_many_shops(tmp_path: Path) -> None:
    """Envoy of itself keeps the rates of 20, and begins anew with one that it has dropped."""
    keys = [f"{number:064d}" for number in range(25)]
    credentials = ", ".join(f"{{client: shop-{number}, key: '{key}'}}" for number, key in enumerate(keys))
    with (
        serving_fake("127.0.0.1") as (_, port),
        envoy_before([f"127.0.0.1:{port}"], tmp_path, f"[{credentials}]", rate_per_s=1, under_way=200) as url,
        stub_at(url, tmp_path) as stub,
    ):
        start_s, allowed = time.monotonic(), 0
        for _ in range(20):
            calls = [failure(stub, "", key) for key in keys]
            codes = [call.code() for call in calls]
            allowed += codes[0] == grpc.StatusCode.INTERNAL
        assert 1 <= allowed <= 2 + time.monotonic() - start_s


def test_a_request_that_ends_a_server_is_sent_to_no_other(tmp_path: Path) -> None:
    """Where a connection ends after a request was sent, that request may be why."""
    connections = []

    def end_each(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(connection.recv(2**16))
            connection.close()

    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        for listener in (first, second):
            threading.Thread(target=end_each, args=(listener,), daemon=True).start()
        servers = [f"127.0.0.1:{listener.getsockname()[1]}" for listener in (first, second)]
        with envoy_before(servers, tmp_path) as url, stub_at(url, tmp_path) as stub:
            assert failure(stub, "").code() == grpc.StatusCode.UNAVAILABLE
            for listener in (first, second):
                listener.shutdown(socket.SHUT_RDWR)
    assert len(connections) == 1


def test_a_shop_whose_calls_do_not_end_keeps_no_other_out(fake: tuple[Fake, Any]) -> None:
    behind, stub = fake
    calls = [failure(stub, "slow", SLOW_KEY) for _ in range(10)]
    wait_until(lambda: sum(call.done() for call in calls) >= 5)
    assert [call.code() for call in calls if call.done()] == [grpc.StatusCode.UNAVAILABLE] * 5
    assert failure(stub, "").code() == grpc.StatusCode.INTERNAL, "another shop's call gets to the server"
    behind.may_end.set()
    assert Counter(call.code() for call in calls)[grpc.StatusCode.INTERNAL] == 5


def test_servers_take_turns_and_one_that_dies_is_passed_over(tmp_path: Path) -> None:
    with serving_fake("127.0.0.1") as (kept, port), serving_fake("127.0.0.1") as (dying, dying_port):
        servers = [f"127.0.0.1:{port}", f"127.0.0.1:{dying_port}"]
        with envoy_before(servers, tmp_path) as url, stub_at(url, tmp_path) as stub:
            for _ in range(10):
                assert failure(stub, "").code() == grpc.StatusCode.INTERNAL
            assert len(kept.asked) == len(dying.asked) == 5
            dying.server.stop(None).wait()
            for _ in range(20):
                assert failure(stub, "").code() == grpc.StatusCode.INTERNAL, "the other one was asked"
            assert len(kept.asked) == 25


def test_a_server_that_is_drained_and_stopped_fails_no_call(repository: Path, tmp_path: Path) -> None:
    """The default client tries again; nobody else sends a request again that a server has begun."""

    def server(name: str) -> EmbeddedServer:
        return EmbeddedServer(ServerSettings(repository, grpc_port=0, metrics_port=None, log_file=tmp_path / name))

    with (
        server("1.log") as leaving,
        server("2.log") as staying,
        envoy_before([leaving.url, staying.url], tmp_path, under_way=100, under_way_of_shop=100) as url,
    ):
        both = Gateway(url, TlsFiles(str(tmp_path / "tls" / "ca.crt")), tmp_path / "access.log")
        is_over = threading.Event()

        def ask(caller: int) -> int:
            count = 0
            while not is_over.is_set():
                count += 1
                text = "What is this?" if count % 2 else "这是什么？"
                assert both_client.ask(PHOTO + bytes([caller]) + count.to_bytes(2, "big"), text).text
            return count

        with both.client(timeout_s=30) as both_client, ThreadPoolExecutor(4) as pool:
            answered = [pool.submit(ask, caller) for caller in range(4)]
            wait_until(lambda: both.log.read_text("utf-8").count(leaving.url) > 10)
            assert leaving.drain()
            leaving.stop()
            after = both.log.read_text("utf-8").count(staying.url)
            wait_until(lambda: both.log.read_text("utf-8").count(staying.url) > after + 20)
            is_over.set()
            assert all(future.result() > 5 for future in answered)


def test_without_any_server_it_says_so(tmp_path: Path) -> None:
    with envoy_before([f"127.0.0.1:{free_port()}"], tmp_path) as url:
        transport = GrpcTransport(url, tls=TlsFiles(str(tmp_path / "tls/ca.crt")), api_key=KEY, retries=False)
        with (
            VqaClient(transport=transport, timeout_s=10) as client,
            pytest.raises(ServerUnavailableError, match="no server took the request"),
        ):
            client.ask(PHOTO, "What is this?")


def test_no_key_is_in_the_log(gateway: Gateway) -> None:
    for key in (KEY, SLOW_KEY):
        with gateway.client(key) as client:
            assert client.ask(PHOTO, "What is this?").text
    wait_until(lambda: " another-shop " in gateway.log.read_text("utf-8"))
    log = gateway.log.read_text("utf-8")
    assert " a-shop " in log
    assert KEY not in log
    assert SLOW_KEY not in log
