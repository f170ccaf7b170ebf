"""The transformer pieces that the graphs are made of.

They hold the checkpoint's own modules, so weights are shared, not copied.
Matrix products run in the weights' type; layer norm and softmax in FP32.

Axes: B batch, H heads, Q queries, S sources (what is attended to), D width,
W width of one head.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MASKED = -1e4  # added to scores of padding; fits FP16


class NormalisedPhoto(nn.Module):
    """The image processor's last steps, (x / 255 - mean) / std, as one product and one sum in FP32."""

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.scale: Tensor
        self.shift: Tensor
        self.register_buffer("scale", 1 / (255 * torch.tensor(std)), persistent=False)
        self.register_buffer("shift", -torch.tensor(mean) / torch.tensor(std), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """[B, S, S, 3] uint8 to [B, 3, S, S] FP32."""
        return (pixels.float() * self.scale + self.shift).permute(0, 3, 1, 2)


def layer_norm(norm: nn.LayerNorm, x: Tensor) -> Tensor:
    """`norm` in FP32, result in the type of `x`."""
    assert norm.bias is not None
    y = F.layer_norm(x.float(), norm.normalized_shape, norm.weight.float(), norm.bias.float(), norm.eps)
    return y.to(x.dtype)


def split_heads(x: Tensor, heads: int) -> Tensor:
    """[B, S, D] to [B, H, S, W]."""
    split: Tensor = x.unflatten(2, (heads, -1)).transpose(1, 2)
    return split


def join_heads(x: Tensor) -> Tensor:
    """[B, H, Q, W] to [B, Q, D]."""
    return x.transpose(1, 2).flatten(2)


def attention(query: Tensor, key: Tensor, value: Tensor, score_bias: Tensor | None) -> tuple[Tensor, Tensor]:
    """Scaled dot-product attention.

    Args:
        query: [..., Q, W]; key and value: [..., S, W].
        score_bias: added to the scores, broadcast to [..., Q, S]; FP32.

    Returns:
        The context [..., Q, W] in the type of `query`, and the
        probabilities [..., Q, S] in FP32.
    """
    # Scaling the query, not the product, keeps FP16 scores away from FP16's limit.
    scores = torch.matmul(query * query.shape[-1] ** -0.5, key.transpose(-1, -2)).float()
    probabilities = torch.softmax(scores if score_bias is None else scores + score_bias, dim=-1)
    return torch.matmul(probabilities.to(query.dtype), value), probabilities


class TextLayer(nn.Module):
    """One layer of BLIP's text transformer: attention to itself, to a source, and a two-layer perceptron.

    Norms come after the residual sums, as in BERT.
    """

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.self_attention = layer.attention.self
        self.self_output = layer.attention.output
        self.cross_attention = layer.crossattention.self
        self.cross_output = layer.crossattention.output
        self.intermediate = layer.intermediate
        self.output = layer.output
        self.heads: int = layer.attention.self.num_attention_heads

    def self_query_key_value(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[B, Q, D] to three of [B, H, Q, W]."""
        own = self.self_attention
        return (
            split_heads(own.query(x), self.heads),
            split_heads(own.key(x), self.heads),
            split_heads(own.value(x), self.heads),
        )

    def source_key_value(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """[B, S, D of the source] to two of [B, H, S, W]."""
        cross = self.cross_attention
        return split_heads(cross.key(source), self.heads), split_heads(cross.value(source), self.heads)

    def after_self_attention(self, x: Tensor, context: Tensor) -> Tensor:
        """Both [B, Q, D]."""
        return layer_norm(self.self_output.LayerNorm, self.self_output.dense(context) + x)

    def cross_attend(self, x: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
        """[B, Q, D] in and out; also the attention probabilities [B, H, Q, S]."""
        query = split_heads(self.cross_attention.query(x), self.heads)
        context, probabilities = attention(query, key, value, bias)
        y = layer_norm(self.cross_output.LayerNorm, self.cross_output.dense(join_heads(context)) + x)
        return y, probabilities

    def feed_forward(self, x: Tensor) -> Tensor:
        """[B, Q, D] in and out."""
        hidden = self.intermediate.intermediate_act_fn(self.intermediate.dense(x))
        return layer_norm(self.output.LayerNorm, self.output.dense(hidden) + x)


def embedded(embeddings: Any, ids: Tensor, positions: Tensor) -> Tensor:
    """BLIP's text embedding: word and position, then layer norm.

    Args:
        ids: [B, Q] int; positions: broadcast to [B, Q], int.

    Returns:
        [B, Q, D].
    """
    words = embeddings.word_embeddings(ids) + embeddings.position_embeddings(positions)
    return layer_norm(embeddings.LayerNorm, words)
