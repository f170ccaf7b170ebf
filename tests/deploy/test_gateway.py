"""The gateway before real servers: who gets in, and what callers see when they do not."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
import tritonclient.grpc as triton
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

from serving.supervision.server import EmbeddedServer
from serving.triton.command import ServerSettings
from serving.triton.ports import free_port
from tests.helpers.gateway import KEY, PHOTO, SLOW_KEY, Gateway, envoy_before, wait_until


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
