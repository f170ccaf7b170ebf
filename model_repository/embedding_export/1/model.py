"""Triton step: a photo's features in, its embedding and digest out."""

from typing import Any

from features import embedding_from_packed
from step import Tensors, answer_each


class TritonPythonModel:
    def execute(self, requests: list[Any]) -> list[Any]:
        return answer_each(requests, self.embedding, ("IMAGE_FEATURES",))

    def embedding(self, inputs: Tensors) -> Tensors:
        embedding, sha256 = embedding_from_packed(inputs["IMAGE_FEATURES"])
        return {"IMAGE_EMBEDDING": embedding, "IMAGE_SHA256": sha256}
