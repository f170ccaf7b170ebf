"""The gateway, as the real nginx runs it: who gets in, how often, how much, and what callers see when they do not."""

import re
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
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
from serving.command import ServerSettings
from serving.ports import free_port
from serving.server import EmbeddedServer

SOURCE = Path(__file__).parents[2] / "deploy" / "gateway"
KEY, SLOW_KEY = "k" * 64, "s" * 64
PHOTO = photo_from_seed(first_seed("test") + 5, long_side_px=(300, 400)).jpeg_bytes()


@dataclass(frozen=True)
class Gateway:
    url: str
    tls: TlsFiles
    servers: list[EmbeddedServer]
    log: Path

    def client(self, key: str | None = KEY, *, retries: bool = True, timeout_s: float = 10) -> VqaClient:
        transport = GrpcTransport(self.url, tls=self.tls, api_key=key, retries=retries)
        return VqaClient(transport=transport, timeout_s=timeout_s)


@contextmanager
def nginx_before(addresses: Sequence[str], folder: Path) -> Iterator[str]:
    """A port where nginx serves our configuration, with certificates of `folder`/tls."""
    assert shutil.which("nginx"), "no nginx here: apt-get install nginx-light"
    shutil.copytree(SOURCE, folder, dirs_exist_ok=True)
    certificates = [str(SOURCE.parent / "test-certificates.sh"), str(folder / "tls")]
    subprocess.run(certificates, check=True, capture_output=True)
    (folder / "servers.conf").write_text(
        "".join(f"server {address} max_fails=3 fail_timeout=5s;\n" for address in addresses), "utf-8"
    )
    (folder / "keys.conf").write_text(f'"~^Bearer {KEY}$" a-shop;\n"~^Bearer {SLOW_KEY}$" another-shop;\n', "utf-8")
    port = free_port()
    config = (folder / "nginx.conf").read_text("utf-8")
    config = config.replace("listen 8443", f"listen 127.0.0.1:{port}").replace("/tmp/", f"{folder}/")  # noqa: S108  the config's own
    config = config.replace("/tls/", f"{folder}/tls/").replace("/dev/stdout", str(folder / "access.log"))
    # So that the tests need not send 50 requests a second for long.
    config = config.replace("rate=50r/s", "rate=20r/s").replace("burst=50", "burst=30")
    config = config.replace("under_way 128", "under_way 8").replace("of_shop 64", "of_shop 5")
    (folder / "nginx.conf").write_text(config, "utf-8")
    command = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    assert subprocess.run([*command, "-t"], check=False, capture_output=True).returncode == 0
    with subprocess.Popen(command) as process:
        try:
            yield f"localhost:{port}"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def gateway(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")

    def server(name: str) -> EmbeddedServer:
        return EmbeddedServer(ServerSettings(repository, grpc_port=0, metrics_port=None, log_file=folder / name))

    with server("1.log") as first, server("2.log") as second, nginx_before([first.url, second.url], folder) as url:
        found = Gateway(url, TlsFiles(str(folder / "tls" / "ca.crt")), [first, second], folder / "access.log")
        with found.client(timeout_s=20) as client:
            assert client.ask(PHOTO, "What is this?").text
        yield found


@pytest.fixture(autouse=True)
def rates_are_whole_again() -> None:
    time.sleep(1.6)  # 30 requests of a burst at 20 a second, and some


def test_a_known_key_gets_answers_in_both_languages(gateway: Gateway) -> None:
    with gateway.client() as client:
        assert client.health().model_ready
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


def test_each_key_has_a_rate_of_its_own(gateway: Gateway) -> None:
    def asked(client: VqaClient) -> str:
        try:
            client.ask(PHOTO, "What is this?")
        except ServerUnavailableError as error:
            assert "more requests a second than this API key may send" in error.message
            return error.code
        return "ok"

    with gateway.client(retries=False) as client, gateway.client(SLOW_KEY) as other, ThreadPoolExecutor(4) as pool:
        found = Counter(pool.map(lambda _: asked(client), range(150)))
        assert found["RESOURCE_EXHAUSTED"] > 20
        assert found["ok"] >= 30
        assert other.ask(PHOTO, "What is this?").text, "another shop is not touched"


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
        self.may_end = threading.Event()

    def ModelInfer(self, request: Any, context: grpc.ServicerContext) -> None:  # noqa: N802  gRPC's name
        if request.id == "full":
            message = "Failed to increase the shared memory pool size for key 'vitrine-triton-abcdefgh-1' to 2 bytes"
            context.abort(grpc.StatusCode.INTERNAL, message)
        if request.id == "slow":
            self.may_end.wait()
        context.abort(grpc.StatusCode.INTERNAL, "100 % of it: 这是什么？")


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[tuple[Fake, Any]]:
    """A server behind a gateway of its own, and a stub to call it by; the first call waits for the gateway."""
    behind, server = Fake(), grpc.server(ThreadPoolExecutor(20))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(behind, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    with nginx_before([address], tmp_path) as url:
        credentials = grpc.ssl_channel_credentials((tmp_path / "tls" / "ca.crt").read_bytes())
        with grpc.secure_channel(url, credentials) as channel:
            grpc.channel_ready_future(channel).result(10)
            yield behind, service_pb2_grpc.GRPCInferenceServiceStub(channel)
    behind.may_end.set()
    server.stop(None)


def failure(stub: Any, request_id: str, key: str = KEY) -> grpc.Future:
    request = service_pb2.ModelInferRequest(id=request_id)
    return stub.ModelInfer.future(request, timeout=10, metadata=[("authorization", f"Bearer {key}")])


def test_names_of_shared_memory_stay_inside(fake: tuple[Fake, Any]) -> None:
    for request_id, words in (("full", "the server has run out of shared memory"), ("", "100 % of it: 这是什么？")):
        call = failure(fake[1], request_id)
        assert call.code() == grpc.StatusCode.INTERNAL
        assert call.details().startswith(words)


def test_a_shop_whose_calls_do_not_end_keeps_no_other_out(fake: tuple[Fake, Any]) -> None:
    behind, stub = fake
    calls = [failure(stub, "slow", SLOW_KEY) for _ in range(10)]
    end_s = time.monotonic() + 8
    while sum(call.done() for call in calls) < 5 and time.monotonic() < end_s:
        time.sleep(0.01)
    assert [call.code() for call in calls if call.done()] == [grpc.StatusCode.UNAVAILABLE] * 5
    assert failure(stub, "").code() == grpc.StatusCode.INTERNAL, "another shop's call gets to the server"
    behind.may_end.set()
    assert Counter(call.code() for call in calls)[grpc.StatusCode.INTERNAL] == 5


def test_servers_take_turns_and_one_that_dies_is_passed_over(gateway: Gateway) -> None:
    before = len(gateway.log.read_text("utf-8"))
    with gateway.client() as client:
        for number in range(10):
            assert client.ask(PHOTO + bytes([number]), "What is this?").text
        time.sleep(1)  # nginx writes a call's line after its answer
        asked = Counter(re.findall(r"127\.0\.0\.1:\d+", gateway.log.read_text("utf-8")[before:]))
        assert set(asked) == {server.url for server in gateway.servers}
        gateway.servers[0].stop()
        for number in range(20):
            assert client.ask(PHOTO + bytes([100, number]), "What is this?").text
            time.sleep(0.05)


def test_without_any_server_it_says_so(gateway: Gateway) -> None:
    for server in gateway.servers:
        server.stop()
    with (
        gateway.client(retries=False) as client,
        pytest.raises(ServerUnavailableError, match="no server took the request"),
    ):
        client.ask(PHOTO, "What is this?")


def test_no_key_is_in_the_log(gateway: Gateway) -> None:
    log = gateway.log.read_text("utf-8")
    assert "a-shop" in log
    assert KEY not in log
    assert SLOW_KEY not in log
