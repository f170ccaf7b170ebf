"""The image encoder: uint8 photos in, FP16 features out."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from builders.graphs.layers import NormalisedPhoto, attention, join_heads, layer_norm


class ImageEncoder(nn.Module):
    """BLIP's vision tower with the processor's normalisation in front.

    Axes: B batch, S side in pixels, N tokens (class token first), D width.
    """

    def __init__(self, vision_model: Any, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.vision = vision_model
        self.normalised = NormalisedPhoto(mean, std)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """[B, S, S, 3] uint8 to features [B, N, D] and pooled features [B, D], both FP16."""
        embeddings = self.vision.embeddings
        dtype = embeddings.patch_embedding.weight.dtype
        patches = embeddings.patch_embedding(self.normalised(pixels).to(dtype))  # [B, D, grid, grid]
        tokens = patches.flatten(2).transpose(1, 2)  # [B, N - 1, D]
        first = embeddings.class_embedding.to(dtype) + torch.zeros_like(tokens[:, :1])
        x = torch.cat([first, tokens], dim=1) + embeddings.position_embedding.to(dtype)
        for layer in self.vision.encoder.layers:
            x = x + self._attended(layer.self_attn, layer_norm(layer.layer_norm1, x))
            x = x + layer.mlp(layer_norm(layer.layer_norm2, x))
        norm = self.vision.post_layernorm
        features = layer_norm(norm, x.float())
        # BLIP's pooled output is the class token normalised a second time.
        return features.half(), layer_norm(norm, features[:, 0]).half()

    @staticmethod
    def _attended(self_attention: Any, x: Tensor) -> Tensor:
        heads = self_attention.num_heads
        query, key, value = self_attention.qkv(x).unflatten(2, (3, heads, -1)).permute(2, 0, 3, 1, 4)
        context, _ = attention(query, key, value, None)  # [B, H, N, W]
        projected: Tensor = self_attention.projection(join_heads(context))
        return projected
