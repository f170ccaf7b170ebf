"""How tensors reach the server: gRPC, with its own retries, round robin and keep-alive."""

import os
from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol

import numpy as np
import tritonclient.grpc as triton
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from vitrine_client.calls import Tensors, time_left
from vitrine_client.channel import TlsFiles, channel_args, tls_arguments
from vitrine_client.errors import InvalidRequestError, error_from_code
from vitrine_client.results import Health
from vitrine_client.sending import Sender, translated


class Transport(Protocol):
    """What a client needs from the other side. `FakeTransport` is one without a server."""

    def infer(
        self, model: str, inputs: Tensors, outputs: Sequence[str], *, timeout_s: float, request_id: str
    ) -> dict[str, NDArray[Any]]:
        """Run `model`. Raises a `VitrineError`."""
        ...

    def health(self, *, timeout_s: float) -> Health: ...

    def close(self) -> None: ...


class GrpcTransport:
    """A connection to one server, or to several behind one address. Safe to use from many threads, and after a fork."""

    def __init__(
        self, url: str, *, tls: TlsFiles | None = None, api_key: str | None = None, retries: bool = True
    ) -> None:
        """
        Args:
            url: "host:port", or a gRPC name for several servers, such as
                "dns:///vqa.shop:8001" or "ipv4:10.0.0.1:8001,10.0.0.2:8001".
            tls: None: the connection is in plain text.
            api_key: what a gateway asks for; needs `tls`.
            retries: whether a call that no server took is tried again, up to five times within its deadline;
                without them nothing is throttled either.
        """
        self._sender = Sender(url, tls, api_key, throttles=retries)
        self._arguments: dict[str, Any] = {"channel_args": channel_args(retries), **tls_arguments(tls)}
        self._connected = self._connect()

    def infer(
        self, model: str, inputs: Tensors, outputs: Sequence[str], *, timeout_s: float, request_id: str
    ) -> dict[str, NDArray[Any]]:
        with self._sender.sending(model, timeout_s=timeout_s, request_id=request_id) as headers:
            tensors = [input_from_array(name, array) for name, array in inputs.items()]
            try:
                result = self._client().infer(
                    model,
                    tensors,
                    outputs=requested(tuple(outputs)),
                    client_timeout=timeout_s,
                    request_id=request_id,
                    headers=headers,
                )
            except ValueError as error:  # of gRPC, on a channel that was closed
                raise error_from_code(
                    "CANCELLED", f"the client is closed ({error})", model=model, request_id=request_id
                ) from error
        return {name: result.as_numpy(name) for name in outputs}

    def health(self, *, timeout_s: float) -> Health:
        client, headers, left_s = self._client(), self._sender.key_headers, time_left(timeout_s)
        try:
            return Health(
                live=client.is_server_live(headers, left_s()),
                ready=client.is_server_ready(headers, left_s()),
                model_ready=client.is_model_ready("vqa", headers=headers, client_timeout=left_s()),
            )
        except InferenceServerException as error:
            raise translated(error, self._sender.url, "server", timeout_s, "") from error
        except ValueError as error:  # as above
            raise error_from_code(
                "CANCELLED", f"the client is closed ({error})", model="server", request_id=""
            ) from error

    def close(self) -> None:
        self._client().close()

    def _client(self) -> triton.InferenceServerClient:
        """gRPC's threads do not survive a fork, so a child process has a connection of its own."""
        if self._connected[0] != os.getpid():
            self._connected = self._connect()
        return self._connected[1]

    def _connect(self) -> tuple[int, triton.InferenceServerClient]:
        try:
            return os.getpid(), triton.InferenceServerClient(self._sender.url, **self._arguments)
        except OSError as error:  # files that were there before a fork
            raise InvalidRequestError(f"TLS: cannot read a file ({error})") from error


@cache
def requested(outputs: tuple[str, ...]) -> list[triton.InferRequestedOutput]:
    return [triton.InferRequestedOutput(name) for name in outputs]


def input_from_array(name: str, array: NDArray[Any]) -> triton.InferInput:
    tensor = triton.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
    tensor.set_data_from_numpy(np.ascontiguousarray(array))
    return tensor
