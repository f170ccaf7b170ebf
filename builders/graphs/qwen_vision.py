"""The vision tower of Qwen3-VL and Qwen3.5 on one fixed square grid: uint8 photos in, features out.

On a fixed grid, what depends on it (interpolated positions, two-dimensional RoPE, the order of patches) is constant.

Axes: B photos, S side in pixels, N image tokens (patches, four merged into one), D width of the language model.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from builders.graphs.layers import NormalisedPhoto, attention, layer_norm


class QwenImageEncoder(nn.Module):
    def __init__(
        self, visual: Any, side_px: int, mean: Sequence[float], std: Sequence[float], dtype: torch.dtype
    ) -> None:
        """
        Args:
            dtype: of the features that go out.
        """
        super().__init__()
        from transformers import vision_utils

        config = visual.config
        self.visual, self.dtype, self.merge, self.patch = visual, dtype, config.spatial_merge_size, config.patch_size
        self.heads, self.grid = config.num_heads, side_px // config.patch_size
        self.deep_layers = list(getattr(visual, "deepstack_visual_indexes", ()))
        self.positions: Tensor
        self.cos: Tensor
        self.sin: Tensor
        self.normalised = NormalisedPhoto(mean, std)
        photo = torch.tensor([[1, self.grid, self.grid]])
        places, weights = vision_utils.get_vision_interpolation_indices_and_weights(
            photo,
            num_grid_per_side=visual.num_grid_per_side,
            mode=visual.interpolation_mode,
            align_corners=visual.interpolation_align_corners,
            spatial_merge_size=self.merge,
            kwargs={},
        )
        with torch.no_grad():
            positions = (visual.pos_embed(places) * weights[:, :, None]).sum(1)
            ids = vision_utils.get_vision_position_ids(photo, self.merge, kwargs={})
            cos, sin = visual.rotary_pos_emb(positions, ids)  # [patches, W]
            self.register_buffer("positions", positions.clone(), persistent=False)
            self.register_buffer("cos", cos.float().clone(), persistent=False)
            self.register_buffer("sin", sin.float().clone(), persistent=False)
            # A still photo is the same frame twice: a convolution in time is one with the sum of its weights.
            self.patch_weight = nn.Parameter(visual.patch_embed.proj.weight.sum(2), requires_grad=False)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """[B, S, S, 3] uint8 to features [B, N, D · (1 + deep layers)] and their mean [B, D · (1 + deep layers)]."""
        normalised = self.normalised(pixels).to(self.patch_weight.dtype)
        x = F.conv2d(normalised, self.patch_weight, self.visual.patch_embed.proj.bias, stride=self.patch)
        blocks = (self.grid // self.merge, self.merge)
        x = x.unflatten(3, blocks).unflatten(2, blocks)  # [B, D of the tower, blocks, in a block, blocks, in a block]
        x = x.permute(0, 2, 4, 3, 5, 1).flatten(1, 4) + self.positions.to(x.dtype)
        deep = []
        for index, block in enumerate(self.visual.blocks):
            x = x + self._attend(block.attn, layer_norm(block.norm1, x))
            x = x + block.mlp(layer_norm(block.norm2, x))
            if index in self.deep_layers:
                deep.append(self._merge(self.visual.deepstack_merger_list[self.deep_layers.index(index)], x))
        features = torch.cat([self._merge(self.visual.merger, x), *deep], -1)
        return features.to(self.dtype), features.float().mean(1).to(self.dtype)

    def _attend(self, own: Any, x: Tensor) -> Tensor:
        query, key, value = (
            own.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        )  # [B, heads, patches, W]
        query, key = _rotate(query, self.cos, self.sin), _rotate(key, self.cos, self.sin)
        projected: Tensor = own.proj(attention(query, key, value, None)[0].transpose(1, 2).flatten(2))
        return projected

    def _merge(self, merger: Any, x: Tensor) -> Tensor:
        """Four patches to one token of the language model."""
        four = self.merge**2
        if merger.use_postshuffle_norm:
            x = layer_norm(merger.norm, x.unflatten(1, (-1, four)).flatten(2))
        else:
            x = layer_norm(merger.norm, x).unflatten(1, (-1, four)).flatten(2)
        merged: Tensor = merger.linear_fc2(merger.act_fn(merger.linear_fc1(x)))
        return merged


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair of numbers of a head, [..., patches, W], by its position's angles (RoPE), in FP32."""
    half = x.shape[-1] // 2
    turned = torch.cat([-x[..., half:], x[..., :half]], -1)
    return (x.float() * cos + turned.float() * sin).to(x.dtype)
