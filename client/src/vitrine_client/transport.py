"""How tensors reach the server: gRPC, with its own retries, round robin and keep-alive."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tritonclient.grpc as triton
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from vitrine_client.calls import Tensors
from vitrine_client.errors import InvalidRequestError, VitrineError, error_from_code
from vitrine_client.results import Health
from vitrine_client.tracing import client_span

_MAX_MESSAGE_BYTES = 64 * 2**20
_SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{"service": "inference.GRPCInferenceService"}],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2,
                # Only this: no server was reached, or it shed the request, or the connection
                # was lost; and asking twice is harmless.
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}
_CHANNEL_ARGS = [
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
]
_ENSEMBLE_PREFIX = re.compile(r"^(in ensemble '[^']*', )+")


def channel_args(retries: bool) -> list[tuple[str, Any]]:
    """Of either client. tritonclient's own defaults fall away when some are given, so all of them are here."""
    return [*_CHANNEL_ARGS, ("grpc.enable_retries", int(retries))]


class Transport(Protocol):
    """What a client needs from the other side. `FakeTransport` is one without a server."""

    def infer(
        self, model: str, inputs: Tensors, outputs: Sequence[str], *, timeout_s: float, request_id: str
    ) -> dict[str, NDArray[Any]]:
        """Run `model`. Raises a `VitrineError`."""
        ...

    def health(self, *, timeout_s: float) -> Health: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class TlsFiles:
    """PEM files of an encrypted connection."""

    authority: str
    """Certificate of the authority that signed the server's."""
    certificate: str | None = None
    """Our own, where the server asks for one; with `key`."""
    key: str | None = None


class GrpcTransport:
    """A connection to one server, or to several behind one address. Safe to use from many threads."""

    def __init__(self, url: str, *, tls: TlsFiles | None = None, retries: bool = True) -> None:
        """
        Args:
            url: "host:port", or a gRPC name for several servers, such as
                "dns:///vqa.shop:8001" or "ipv4:10.0.0.1:8001,10.0.0.2:8001".
            tls: None: the connection is in plain text.
            retries: whether a call that no server took is tried again, up to four times within its deadline.
        """
        self._url = require_address(url)
        self._client = triton.InferenceServerClient(url, channel_args=channel_args(retries), **tls_arguments(tls))

    def infer(
        self, model: str, inputs: Tensors, outputs: Sequence[str], *, timeout_s: float, request_id: str
    ) -> dict[str, NDArray[Any]]:
        with client_span(model, url=self._url, request_id=request_id) as headers:
            try:
                result = self._client.infer(
                    model,
                    [input_from_array(name, array) for name, array in inputs.items()],
                    outputs=requested(tuple(outputs)),
                    client_timeout=timeout_s,
                    request_id=request_id,
                    headers=headers,
                )
            except InferenceServerException as error:
                raise translated(error, self._url, model, timeout_s, request_id) from error
            except ValueError as error:  # of gRPC, on a channel that was closed
                raise error_from_code(
                    "CANCELLED", f"the client is closed ({error})", model=model, request_id=request_id
                ) from error
        return {name: result.as_numpy(name) for name in outputs}

    def health(self, *, timeout_s: float) -> Health:
        try:
            return Health(
                live=self._client.is_server_live(client_timeout=timeout_s),
                ready=self._client.is_server_ready(client_timeout=timeout_s),
                model_ready=self._client.is_model_ready("vqa", client_timeout=timeout_s),
            )
        except InferenceServerException as error:
            raise translated(error, self._url, "server", timeout_s, "") from error

    def close(self) -> None:
        self._client.close()


def translated(
    error: InferenceServerException, url: str, model: str, timeout_s: float, request_id: str
) -> VitrineError:
    """The one place where the library's errors become ours."""
    code = str(error.status() or "UNKNOWN").removeprefix("StatusCode.")
    message = _ENSEMBLE_PREFIX.sub("", error.message() or "no message")
    if code == "DEADLINE_EXCEEDED":
        message = f"no answer from {url} within {timeout_s:g} s: raise timeout_s, or lower the load"
    elif code == "UNAVAILABLE":
        message = f"no server at {url} took the request ({message}): is one running, or is it overloaded?"
    return error_from_code(code, message, model=model, request_id=request_id)


def require_address(url: str) -> str:
    if url.startswith(("http://", "https://", "grpc://")):
        raise InvalidRequestError(f"a gRPC address is host:port, without a scheme, but {url!r} came")
    if not url.strip():
        raise InvalidRequestError(f"a gRPC address is host:port, but {url!r} came")
    return url


def tls_arguments(tls: TlsFiles | None) -> dict[str, Any]:
    """Of either of tritonclient's clients."""
    if tls is None:
        return {}
    for file in (tls.authority, tls.certificate, tls.key):
        if file is not None and not Path(file).is_file():
            raise InvalidRequestError(f"TLS: there is no file {file}")
    if (tls.certificate is None) != (tls.key is None):
        raise InvalidRequestError("TLS: a certificate and its key go together, but only one of them came")
    return {
        "ssl": True,
        "root_certificates": tls.authority,
        "certificate_chain": tls.certificate,
        "private_key": tls.key,
    }


@cache
def requested(outputs: tuple[str, ...]) -> list[triton.InferRequestedOutput]:
    return [triton.InferRequestedOutput(name) for name in outputs]


def input_from_array(name: str, array: NDArray[Any]) -> triton.InferInput:
    tensor = triton.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
    tensor.set_data_from_numpy(np.ascontiguousarray(array))
    return tensor
