"""The vision tower of InternVL on one square tile: uint8 photos in, features out.

Axes: B photos, S side in pixels, N image tokens (patches, merged m by m into one), C width of the tower, D width of
the language model.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from builders.graphs.layers import NormalisedPhoto, attention, join_heads, layer_norm, split_heads


class InternVLImageEncoder(nn.Module):
    def __init__(
        self, tower: Any, projector: Any, grid: int, mean: Sequence[float], std: Sequence[float], dtype: torch.dtype
    ) -> None:
        """
        Args:
            tower, projector: of transformers.
            grid: image tokens along one side of the photo.
            dtype: of the features that go out.
        """
        super().__init__()
        self.tower, self.projector, self.grid, self.dtype = tower, projector, grid, dtype
        self.heads = tower.config.num_attention_heads
        self.merge = tower.embeddings.patch_embeddings.patch_shape[0] // grid
        self.normalised = NormalisedPhoto(mean, std)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """[B, S, S, 3] uint8 to features [B, N, D] and their mean [B, D]."""
        x = self._embedded(pixels)
        for layer in self.tower.encoder.layer:
            x = x + layer.lambda_1 * self._attended(layer.attention, _norm(layer.layernorm_before, x))
            x = x + layer.lambda_2 * layer.mlp(_norm(layer.layernorm_after, x))
        patches = _norm(self.tower.layernorm, x)[:, 1:]  # without the class token
        features = self._projected(self._merged(patches))
        return features.to(self.dtype), features.float().mean(1).to(self.dtype)

    def _embedded(self, pixels: Tensor) -> Tensor:
        """[B, S, S, 3] uint8 to the class token and the patches, row by row: [B, 1 + patches, C]."""
        own = self.tower.embeddings
        project = own.patch_embeddings.projection
        patches = project(self.normalised(pixels).to(project.weight.dtype)).flatten(2).transpose(1, 2)
        x = torch.cat([own.cls_token + torch.zeros_like(patches[:, :1]), patches], 1)
        return x if own.position_embeddings is None else x + own.position_embeddings

    def _attended(self, own: Any, x: Tensor) -> Tensor:
        query, key = _norm(own.q_norm, own.q_proj(x)), _norm(own.k_norm, own.k_proj(x))
        query, key, value = (split_heads(part, self.heads) for part in (query, key, own.v_proj(x)))
        projected: Tensor = own.projection_layer(join_heads(attention(query, key, value, None)[0]))
        return projected

    def _merged(self, patches: Tensor) -> Tensor:
        """[B, patches, C] to [B, N, m · m · C]: each square of m by m patches side by side (pixel shuffle)."""
        blocks = (self.grid, self.merge, self.grid, self.merge)
        merged: Tensor = patches.unflatten(1, blocks).transpose(2, 3).flatten(3).flatten(1, 2)
        return merged

    def _projected(self, merged: Tensor) -> Tensor:
        own = self.projector
        projected: Tensor = own.linear_2(own.act(own.linear_1(layer_norm(own.layer_norm, merged))))
        return projected


def _norm(norm: Any, x: Tensor) -> Tensor:
    """One of the tower's norms, in FP32, whichever its configuration chose; the result in the type of `x`."""
    if isinstance(norm, nn.Identity):
        return x
    if isinstance(norm, nn.LayerNorm):
        return layer_norm(norm, x)
    wide = x.float()
    root = torch.sqrt(wide.square().mean(-1, keepdim=True) + norm.variance_epsilon)
    normed: Tensor = (wide / root * norm.weight.float()).to(x.dtype)
    return normed
