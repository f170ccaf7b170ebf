"""The engine that makes photos' vectors, where the checkpoint's own encoder does not, as the targets compile it."""

from typing import Any

from builders.engine_spec import EngineSpec, TensorSpec
from builders.repository.source import SOURCE, read_config

EMBEDDING_ENCODER = "embedding_encoder"
EMBEDDING_MODELS = {"embedding_preprocess", EMBEDDING_ENCODER}
"""Models of the contract that a build leaves out whose vectors come from the checkpoint's own encoder."""
OWN_EMBEDDING_MODELS = {"embedding_export"}
"""Models of the contract that the other builds leave out."""


def embedding_engine_spec() -> EngineSpec:
    def finish(model: Any) -> None:
        from builders.graphs.export import ask_shape_after_cast  # brings torch

        ask_shape_after_cast(model, pixels.name)

    [taken] = read_config(SOURCE / EMBEDDING_ENCODER / "config.pbtxt").input
    pixels = TensorSpec(taken.name, "uint8", tuple(taken.dims), "bytes")
    return EngineSpec(EMBEDDING_ENCODER, (pixels,), ("PHOTO_VECTOR",), _network, finish)


def _network(weights: Any, precision: str) -> Any:
    from builders.embedding.network import EmbeddingEncoder, network_of

    return EmbeddingEncoder(network_of(weights), precision)
