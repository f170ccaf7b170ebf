"""(b) LitServe with its batching around `generate`."""

import base64
from typing import Any

import litserve
import litserve.server

from benchmarks.peers.answering import Answerer

# It looks for the package mcp, and fails with release 2 of it, which the desk needs.
litserve.server._MCP_AVAILABLE = False
_BATCH = 16
_WAIT_S = 0.01


class _Api(litserve.LitAPI):
    def __init__(self, answerer: Answerer) -> None:
        super().__init__(max_batch_size=_BATCH, batch_timeout=_WAIT_S, api_path="/ask")
        self.answerer = answerer

    def setup(self, device: Any) -> None:
        pass  # the checkpoint is loaded; the worker process gets it

    def decode_request(self, request: dict[str, str], **_: Any) -> tuple[bytes, str]:
        return base64.b64decode(request["photo"]), request["question"]

    def predict(self, x: list[tuple[bytes, str]], **_: Any) -> list[str]:
        return self.answerer.answers([photo for photo, _ in x], [question for _, question in x])

    def encode_response(self, output: str, **_: Any) -> dict[str, str]:
        return {"answer": output}


def serve(answerer: Answerer, port: int) -> None:
    server = litserve.LitServer(_Api(answerer), accelerator="cpu", devices=1, workers_per_device=1)
    server.run(host="127.0.0.1", port=port, log_level="warning", generate_client_file=False)
