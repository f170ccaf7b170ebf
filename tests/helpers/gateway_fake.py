"""A server that fails as a request asks it to, and calls to it through a gateway."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

from tests.helpers.gateway import KEY


class Fake(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # generated without types
    """Fails in the way that a request's id names."""

    def __init__(self) -> None:
        self.server = grpc.server(ThreadPoolExecutor(20), options=[("grpc.so_reuseport", 0)])
        self.may_end = threading.Event()
        self.is_busy = False
        """Whether every call is refused."""
        self.asked: list[dict[str, str]] = []
        """The headers of each call."""

    def ModelInfer(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802  gRPC's name
        self.asked.append(dict(context.invocation_metadata()))
        if request.id == "full":
            message = "Failed to increase the shared memory pool size for key 'vitrine-triton-abcdefgh-1' to 2 bytes"
            context.abort(grpc.StatusCode.INTERNAL, message)
        if request.id == "good":
            return service_pb2.ModelInferResponse()
        if self.is_busy or request.id == "busy":
            context.abort(grpc.StatusCode.UNAVAILABLE, "this server takes nothing new")
        if request.id == "slow":
            self.may_end.wait()
        return context.abort(grpc.StatusCode.INTERNAL, "100 % of it: 这是什么？")


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


def failure(stub: Any, request_id: str, key: str = KEY, timeout_s: float = 10, photo: str = "") -> grpc.Future:
    request = service_pb2.ModelInferRequest(id=request_id, model_name="vqa")
    metadata = [("authorization", f"Bearer {key}"), *([("x-vitrine-photo", photo)] if photo else [])]
    return stub.ModelInfer.future(request, timeout=timeout_s, metadata=metadata)
