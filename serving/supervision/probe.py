"""Asks a real question to see whether every step lives: a dead one leaves Triton's own readiness as it was."""

import io
import uuid
from dataclasses import dataclass
from typing import Any

import tritonclient.grpc as triton
from PIL import Image
from tritonclient.utils import InferenceServerException
from vitrine_client import GrpcTransport, TlsFiles, VitrineError, VqaClient
from vitrine_client.channel import admin_headers, tls_arguments
from vitrine_client.statistics import statistics_from_response


@dataclass(frozen=True)
class Count:
    """Statistics of one model since the server's start."""

    answered: int
    """Requests that succeeded; a Python step's count includes those that it answered with an error."""
    failed: int
    run_s: float
    """Mean duration of one run, in seconds."""

    @property
    def requests(self) -> int:
        return self.answered + self.failed


class Probe:
    """Asks one server questions of our own, and reads what its models have counted."""

    def __init__(self, url: str, *, tls: TlsFiles | None, admin_key: str) -> None:
        self._client = VqaClient(transport=GrpcTransport(url, tls=tls, retries=False))
        self._headers = admin_headers(admin_key)
        self._triton = triton.InferenceServerClient(url, **tls_arguments(tls))
        buffer = io.BytesIO()
        Image.new("RGB", (64, 64), "grey").save(buffer, "PNG")
        self._photo = buffer.getvalue()
        self.last_error = ""
        """Message of the last question that was not answered."""

    def close(self) -> None:
        self._client.close()
        self._triton.close()

    def ask(self, timeout_s: float) -> str:
        """Ask a question about a photo that no cache knows.

        Returns:
            gRPC's name of what became of it, such as "UNAVAILABLE"; "OK" where it was answered.
        """
        photo = self._photo + uuid.uuid4().bytes  # decoders ignore what follows a picture's end
        try:
            self._client.ask(photo, "What is this?", timeout_s=timeout_s)
        except VitrineError as error:
            self.last_error = error.message
            return error.code
        return "OK"

    def counts(self, timeout_s: float) -> dict[str, Count] | None:
        """Return what each model has done, by its name; None where the server does not say."""
        try:
            answer: Any = self._triton.get_inference_statistics(headers=self._headers, client_timeout=timeout_s)
        except InferenceServerException:
            return None
        return {
            model: Count(found["success"], found["failed"], found["infer_ns"] / 1e9 / max(1, found["success"]))
            for model, found in statistics_from_response(answer).items()
        }
