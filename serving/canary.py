"""A real question, asked to see whether every step lives: a dead one leaves Triton's own readiness as it was."""

import io
import uuid
from typing import Any

import tritonclient.grpc as triton
from PIL import Image
from tritonclient.utils import InferenceServerException
from vitrine_client import GrpcTransport, TlsFiles, VitrineError, VqaClient
from vitrine_client.channel import admin_headers, tls_arguments

Counts = dict[str, tuple[int, int]]
"""Of each model: requests answered, and requests failed."""


class Canary:
    """Asks one server, and reads what it counts."""

    def __init__(self, url: str, *, tls: TlsFiles | None, admin_key: str) -> None:
        self._client = VqaClient(transport=GrpcTransport(url, tls=tls, retries=False))
        self._headers = admin_headers(admin_key)
        self._triton = triton.InferenceServerClient(url, **tls_arguments(tls))
        buffer = io.BytesIO()
        Image.new("RGB", (64, 64), "grey").save(buffer, "PNG")
        self._photo = buffer.getvalue()

    def close(self) -> None:
        self._client.close()
        self._triton.close()

    def is_answered(self, timeout_s: float) -> bool:
        """Whether a question about a photo that no cache knows is answered in time."""
        photo = self._photo + uuid.uuid4().bytes  # decoders ignore what follows a picture's end
        try:
            return bool(self._client.ask(photo, "What is this?", timeout_s=timeout_s).request_id)
        except VitrineError:
            return False

    def counts(self, timeout_s: float = 1.0) -> Counts | None:
        """None: the server does not say."""
        try:
            answer: Any = self._triton.get_inference_statistics(headers=self._headers, client_timeout=timeout_s)
        except InferenceServerException:
            return None
        return {
            model.name: (model.inference_stats.success.count, model.inference_stats.fail.count)
            for model in answer.model_stats
        }
