"""The vision tower of SmolVLM, a SigLIP, on one square photo: uint8 photos in, features out.

Axes: B photos, S side in pixels, N image tokens (patches, merged m by m into one), C width of the tower, D width of
the language model.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from builders.graphs.layers import NormalisedPhoto, attention, join_heads, layer_norm, split_heads


class SmolVLMImageEncoder(nn.Module):
    def __init__(
        self, tower: Any, connector: Any, grid: int, mean: Sequence[float], std: Sequence[float], dtype: torch.dtype
    ) -> None:
        """
        Args:
            tower, connector: of transformers.
            grid: image tokens along one side of the photo.
            dtype: of the features that go out.
        """
        super().__init__()
        self.tower, self.connector, self.grid, self.dtype = tower, connector, grid, dtype
        self.heads = tower.config.num_attention_heads
        self.merge = connector.scale_factor
        self.normalised = NormalisedPhoto(mean, std)
        self.places: Tensor
        self.register_buffer("places", _places(grid * self.merge), persistent=False)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """[B, S, S, 3] uint8 to features [B, N, D] and their mean [B, D]."""
        x = self._embedded(pixels)
        for layer in self.tower.encoder.layers:
            x = x + self._attended(layer.self_attn, layer_norm(layer.layer_norm1, x))
            x = x + layer.mlp(layer_norm(layer.layer_norm2, x))
        merged = self._merged(layer_norm(self.tower.post_layernorm, x))
        features = self.connector.modality_projection(merged)
        return features.to(self.dtype), features.float().mean(1).to(self.dtype)

    def _embedded(self, pixels: Tensor) -> Tensor:
        """[B, S, S, 3] uint8 to the patches, row by row: [B, patches, C]."""
        own = self.tower.embeddings
        project = own.patch_embedding
        patches = project(self.normalised(pixels).to(project.weight.dtype)).flatten(2).transpose(1, 2)
        embedded: Tensor = patches + own.position_embedding(self.places)
        return embedded

    def _attended(self, own: Any, x: Tensor) -> Tensor:
        query, key, value = (split_heads(project(x), self.heads) for project in (own.q_proj, own.k_proj, own.v_proj))
        projected: Tensor = own.out_proj(join_heads(attention(query, key, value, None)[0]))
        return projected

    def _merged(self, patches: Tensor) -> Tensor:
        """[B, patches, C] to [B, N, m · m · C]: each square of m by m patches side by side (pixel shuffle)."""
        blocks = (self.grid, self.merge, self.grid, self.merge)
        merged: Tensor = patches.unflatten(1, blocks).transpose(2, 3).flatten(3).flatten(1, 2)
        return merged


def _places(side: int) -> Tensor:
    """Rows of the table of positions, one a patch: [patches] int64.

    Transformers looks each up by its share of the side, in FP32. For some sides (19, 25, 40 patches) a share falls just
    short of its own row, and the row before it is taken twice: here too.
    """
    shares = (torch.arange(side, dtype=torch.float32) * (1 / torch.tensor(side))).clamp(max=1 - 1e-6)
    rows = torch.bucketize(shares, torch.arange(1 / side, 1.0, 1 / side), right=True)
    return (rows[:, None] * side + rows).flatten()
