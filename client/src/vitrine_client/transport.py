"""Transport of tensors to the server: gRPC, with affinity by photo and keep-alive."""

import os
import queue
import struct
import threading
import weakref
from collections.abc import Sequence
from typing import Any, NoReturn, Protocol

import grpc
from numpy.typing import NDArray
from tritonclient.grpc import InferResult, service_pb2, service_pb2_grpc
from tritonclient.utils import np_to_triton_dtype

from vitrine_client.calls import Tensors
from vitrine_client.channel import CHANNEL_ARGS, TlsFiles, credentials_from_tls, require_tls
from vitrine_client.contract import ENSEMBLE, version_from_parameters
from vitrine_client.errors import error_from_code
from vitrine_client.results import Health
from vitrine_client.sending import CallPolicy, error_from_library, library_error
from vitrine_client.timeouts import time_left

_STATE_TIMEOUT_S = 1.0


class Transport(Protocol):
    """Protocol of what a `VqaClient` needs from the other side. `FakeTransport` is one without a server."""

    def infer(
        self, model: str, inputs: Tensors, outputs: Sequence[str], *, timeout_s: float, request_id: str
    ) -> dict[str, NDArray[Any]]:
        """Run `model`. Raises a `VitrineError`."""
        ...

    def health(self, *, timeout_s: float) -> Health: ...

    def close(self) -> None: ...


class Connection:
    """A channel of one process, and what ends with it."""

    def __init__(self, url: str, tls: TlsFiles | None) -> None:
        self.pid = os.getpid()
        self.is_closed = threading.Event()
        self._channel = (
            grpc.secure_channel(url, credentials_from_tls(tls), options=CHANNEL_ARGS)
            if tls
            else grpc.insecure_channel(url, options=CHANNEL_ARGS)
        )
        self.stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        # At exit, before the interpreter is taken apart: under gevent gRPC would then wait for good.
        self.close = weakref.finalize(self, _close, self._channel, self.is_closed, self.pid)

    def is_connected(self) -> bool:
        """Ask gRPC, which tells its state to a callback only, at once."""
        states: queue.SimpleQueue[grpc.ChannelConnectivity] = queue.SimpleQueue()
        put = states.put
        try:
            self._channel.subscribe(put)
            return states.get(timeout=_STATE_TIMEOUT_S) is grpc.ChannelConnectivity.READY
        except (queue.Empty, ValueError):  # ValueError: closed meanwhile
            return False
        finally:
            self._channel.unsubscribe(put)


def _close(channel: grpc.Channel, is_closed: threading.Event, pid: int) -> None:
    if pid == os.getpid():  # after a fork it is the parent's
        is_closed.set()
        channel.close()


class GrpcTransport:
    """Connection to one server, or to several behind one address. Safe to use from many threads, and after a fork."""

    def __init__(
        self, url: str, *, tls: TlsFiles | None = None, api_key: str | None = None, retries: bool = True
    ) -> None:
        """
        Args:
            url: "host:port", or a gRPC name for several servers, such as
                "dns:///vqa.shop:8001" or "ipv4:10.0.0.1:8001,10.0.0.2:8001".
            tls: None: the connection is in plain text.
            api_key: what a gateway asks for; needs `tls`.
            retries: whether a call that no server took is sent again while its deadline lasts, unless no server was
                ever there; without them nothing is throttled either.
        """
        self._policy = CallPolicy(url, tls, api_key, retries=retries)
        require_tls(tls)
        self._tls = tls
        self._connected = Connection(url, tls)

    def infer(
        self, model: str, inputs: Tensors, outputs: Sequence[str], *, timeout_s: float, request_id: str
    ) -> dict[str, NDArray[Any]]:
        request = request_from_tensors(model, inputs, outputs, request_id)
        connection = self._connection()
        with self._policy.pending_call(model, inputs, timeout_s=timeout_s, request_id=request_id) as call:
            while True:
                while wait_s := call.wait_s():
                    if connection.is_closed.wait(wait_s):
                        _raise_as_closed(None, model, request_id)
                with call.attempt(connection.is_connected):
                    try:
                        response = connection.stub.ModelInfer(request, timeout=call.left_s(), metadata=call.metadata)
                    except ValueError as error:  # of gRPC, on a channel that was closed
                        _raise_as_closed(error, model, request_id)
                    return arrays_from_response(response, outputs)

    def health(self, *, timeout_s: float) -> Health:
        policy, stub, left_s = self._policy, self._connection().stub, time_left(timeout_s)
        metadata = tuple(policy.key_headers.items())
        try:
            live = stub.ServerLive(service_pb2.ServerLiveRequest(), timeout=left_s(), metadata=metadata).live
            ready = stub.ServerReady(service_pb2.ServerReadyRequest(), timeout=left_s(), metadata=metadata).ready
            model = service_pb2.ModelReadyRequest(name=ENSEMBLE)
            model_ready = stub.ModelReady(model, timeout=left_s(), metadata=metadata).ready
            version = self._contract_version(left_s(), metadata) if model_ready else None
        except grpc.RpcError as error:
            raise error_from_library(library_error(error), policy.url, "server", timeout_s, "") from error
        except ValueError as error:  # as above
            _raise_as_closed(error, "server", "")
        policy.was_reached = True
        return Health(live, ready, model_ready, version)

    def _contract_version(self, timeout_s: float, metadata: tuple[tuple[str, str], ...]) -> int | None:
        request = service_pb2.ModelConfigRequest(name=ENSEMBLE)
        try:
            response = self._connection().stub.ModelConfig(request, timeout=timeout_s, metadata=metadata)
        except grpc.RpcError:  # a gateway keeps it closed, or the server is going: readiness is known without it
            return None
        return version_from_parameters(response.config.parameters)

    def close(self) -> None:
        self._connection().close()

    def _connection(self) -> Connection:
        """gRPC's threads do not survive a fork, so a child process has a connection of its own."""
        if self._connected.pid != os.getpid():
            self._connected = Connection(self._policy.url, self._tls)
        return self._connected


def _raise_as_closed(error: Exception | None, model: str, request_id: str) -> NoReturn:
    raise error_from_code("CANCELLED", "the client is closed", model=model, request_id=request_id) from error


def request_from_tensors(
    model: str, inputs: Tensors, outputs: Sequence[str], request_id: str
) -> service_pb2.ModelInferRequest:
    request = service_pb2.ModelInferRequest(model_name=model, id=request_id)
    for name, array in inputs.items():
        request.inputs.add(name=name, datatype=np_to_triton_dtype(array.dtype), shape=array.shape)
        request.raw_input_contents.append(_raw(array))
    for name in outputs:
        request.outputs.add(name=name)
    return request


def arrays_from_response(response: service_pb2.ModelInferResponse, outputs: Sequence[str]) -> dict[str, NDArray[Any]]:
    result = InferResult(response)
    return {name: result.as_numpy(name) for name in outputs}


def _raw(array: NDArray[Any]) -> bytes:
    """Write an array in row-major order; each element of BYTES follows its length."""
    if array.dtype != object:
        return array.tobytes()
    return b"".join(part for element in array.flat for part in (struct.pack("<I", len(element)), element))
