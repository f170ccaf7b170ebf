"""The engines of a Qwen3.5: image encoder, and one decoder for answers and for closed lists."""

from typing import Any

from builders.dimensions import BuildDimensions
from builders.engine_spec import EngineSpec
from builders.families.language.engine import answer_decoder_spec
from builders.families.qwen3_vl.engines import prompt_head, qwen_image_encoder


def engine_specs(dimensions: BuildDimensions, strategy: str) -> tuple[EngineSpec, ...]:
    """Describe the engines of a build.

    Args:
        strategy: "loop" or "unrolled", of the decoding steps.
    """
    return qwen_image_encoder(dimensions), answer_decoder_spec(dimensions, strategy, _decoder)


def _decoder(checkpoint: Any, options: Any, dtype: Any) -> Any:
    from builders.graphs.language.decoder import language_decoder

    model = checkpoint.model
    text = model.model.language_model

    def layers_of(weights: Any) -> Any:
        return _layers(weights, text, options.question_tokens)

    return language_decoder(text, model.lm_head.weight, prompt_head(checkpoint), options, layers_of, dtype=dtype)


def _layers(weights: Any, text: Any, question_tokens: int) -> Any:
    """The layers in their order, and the norm behind them."""
    from builders.graphs.language.attention import AttentionLayer
    from builders.graphs.language.delta import DeltaLayer, DeltaShared
    from builders.graphs.language.layers import Heads, zero_centred_norm_of

    shared = DeltaShared(weights, question_tokens, text.config.linear_conv_kernel_dim)
    heads = Heads.of(text.config)
    layers: list[Any] = []
    for index, layer in enumerate(text.layers):
        name = f"layers.{index}"
        if layer.block_type == "linear_attention":
            layers.append(DeltaLayer(weights, name, layer, shared))
        else:
            layers.append(AttentionLayer(weights, name, layer, heads, zero_centred_norm_of, gated=True))
    return layers, zero_centred_norm_of(weights, "norm", text.norm)
