"""The pieces of a decoder-only language model.

Each weight matrix is stored once, as a product takes it ([in, out]), and those that read the same input are one matrix:
a compiler would join them itself, and keep both forms.

Axes: B photos, S tokens, D width, H query heads, J key heads, G = H / J, W width of a head, F width of the perceptron.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

MASKED = -1e9
"""Added to FP32 scores of what may not be seen; such models' scores can reach thousands."""


@dataclass(frozen=True)
class Heads:
    keys: int
    """J: heads of keys and values."""
    queries_a_key: int
    """G: query heads that share one of them."""
    width: int
    """W."""

    @staticmethod
    def of(config: Any) -> "Heads":
        """Read them off a text configuration of transformers."""
        width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        keys = config.num_key_value_heads
        return Heads(keys, config.num_attention_heads // keys, width)


class Matrix(nn.Module):
    """One product in the place of several linear layers of the same input, their outputs side by side."""

    def __init__(self, *layers: Any) -> None:
        super().__init__()
        with torch.no_grad():
            self.weight = nn.Parameter(
                torch.cat([layer.weight for layer in layers]).T.contiguous(), requires_grad=False
            )
            biases = [layer.bias for layer in layers]
            has_bias = biases[0] is not None
            self.bias = nn.Parameter(torch.cat(biases), requires_grad=False) if has_bias else None

    def forward(self, x: Tensor) -> Tensor:
        y = torch.matmul(x, self.weight)
        return y if self.bias is None else y + self.bias


class LanguageLayer(nn.Module):
    """One layer of Qwen2, Qwen3 and their like: norms before attention and perceptron, no biases but in Qwen2's."""

    def __init__(self, layer: Any, heads: Heads) -> None:
        super().__init__()
        own, mlp = layer.self_attn, layer.mlp
        self.heads = heads
        self.attention_norm, self.mlp_norm = layer.input_layernorm, layer.post_attention_layernorm
        self.query_norm, self.key_norm = getattr(own, "q_norm", None), getattr(own, "k_norm", None)
        self.query_key_value_matrix = Matrix(own.q_proj, own.k_proj, own.v_proj)
        self.output_matrix = Matrix(own.o_proj)
        self.gate_up_matrix, self.down_matrix = Matrix(mlp.gate_proj, mlp.up_proj), Matrix(mlp.down_proj)
        self.activation = mlp.act_fn

    def query_key_value(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[B, S, D] to the query [B, S, J, G, W], scaled, and key and value [B, S, J, W]."""
        h = self.heads
        y = self.query_key_value_matrix(rms_norm(self.attention_norm, x))
        sizes = [h.keys * h.queries_a_key * h.width, h.keys * h.width, h.keys * h.width]
        query, key, value = y.split(sizes, dim=2)
        query = query.unflatten(2, (h.keys, h.queries_a_key, h.width))
        key, value = key.unflatten(2, (h.keys, h.width)), value.unflatten(2, (h.keys, h.width))
        if self.query_norm is not None:
            query, key = rms_norm(self.query_norm, query), rms_norm(self.key_norm, key)
        return query * h.width**-0.5, key, value

    def after_attention(self, x: Tensor, context: Tensor) -> Tensor:
        """Add what was looked up, [B, S, J·G·W], to the states, [B, S, D]; then the perceptron."""
        x = x + self.output_matrix(context)
        gate, up = self.gate_up_matrix(rms_norm(self.mlp_norm, x)).chunk(2, dim=2)
        states: Tensor = x + self.down_matrix(self.activation(gate) * up)
        return states


def rms_norm(norm: Any, x: Tensor) -> Tensor:
    """Normalise by the root of the mean square, in FP32; the result has the type of `x`."""
    y = x.float()
    y = y * torch.rsqrt((y * y).mean(-1, keepdim=True) + norm.variance_epsilon)
    normalised: Tensor = (norm.weight.float() * y).to(x.dtype)
    return normalised


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair of numbers of a head by its position's angles (RoPE), in FP32.

    Args:
        x: [..., W]; cos and sin: broadcast to it, FP32.
    """
    half = x.shape[-1] // 2
    turned = torch.cat([-x[..., half:], x[..., :half]], -1)
    return (x.float() * cos + turned.float() * sin).to(x.dtype)
