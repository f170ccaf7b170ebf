"""What a language model makes of the photo, once a photo, and of a question, once a question: keys and values.

Axes: B photos, Q questions about one, N image tokens, P prefix tokens (all up to the question: the same for all), L
question tokens (with the template's end), D width, J key heads, G query heads of one, W width of a head.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from builders.graphs.language.layers import MASKED, LanguageLayer, rotate


@dataclass(frozen=True)
class Prefix:
    """The tokens before a question, the photo among them."""

    ids: tuple[int, ...]
    """Token ids, a placeholder's at each of the photo's."""
    image_id: int
    """Id of the placeholder."""
    positions: Tensor
    """[P], or [3, P] where positions have three axes."""

    @property
    def first(self) -> int:
        """Place of the photo's first token."""
        return self.ids.index(self.image_id)

    @property
    def image_tokens(self) -> int:
        return self.ids.count(self.image_id)


@dataclass(frozen=True)
class Asked:
    """A question, read."""

    last: Tensor
    """[B, Q, D]: states of its last token."""
    stored: list[Tensor]
    """Keys and values [B, J, Q, L, W], layer by layer."""
    bias: Tensor
    """[B, 1, Q, 1, L] FP32: 0 on tokens, MASKED on padding."""
    count: Tensor
    """[B, Q] FP32: how many tokens it has."""
    looked: Tensor
    """[B, Q, N] FP32: the last token's attention to the photo, mean over layers and heads, summing to 1."""


class Prefill(nn.Module):
    """Reads prefix and questions."""

    def __init__(self, language_model: Any, layers: Sequence[LanguageLayer], prefix: Prefix, deep_layers: int) -> None:
        """
        Args:
            deep_layers: the first so many layers add a feature of their own at the photo's tokens (DeepStack).
        """
        super().__init__()
        self.embed, self.layers = language_model.embed_tokens, layers
        self.prefix, self.deep_layers = prefix, deep_layers
        self.next_position = int(prefix.positions.max()) + 1
        """Position of the first token after the prefix."""
        self.width: int = language_model.config.hidden_size
        self.before: Tensor
        self.after: Tensor
        ids = torch.tensor(prefix.ids)
        self.register_buffer("before", ids[: prefix.first], persistent=False)
        self.register_buffer("after", ids[prefix.first + prefix.image_tokens :], persistent=False)
        rotary = language_model.rotary_emb
        positions = prefix.positions[:, None] if prefix.positions.ndim == 2 else prefix.positions[None]
        cos, sin = rotary(torch.zeros(1, 1, self.width), positions)  # [1, P, W]
        self.cos: Tensor
        self.sin: Tensor
        self.frequencies: Tensor
        self.register_buffer("cos", cos[:, None].float().clone(), persistent=False)
        self.register_buffer("sin", sin[:, None].float().clone(), persistent=False)
        self.register_buffer("frequencies", rotary.inv_freq.float().clone(), persistent=False)

    def angles(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """[...] positions of text after the photo, where all axes of a position are equal, to cos and sin [..., W]."""
        angles = positions.float().unsqueeze(-1) * self.frequencies
        angles = torch.cat([angles, angles], -1)
        return angles.cos(), angles.sin()

    def read_prefix(self, features: Tensor) -> list[Tensor]:
        """Features [B, N, D · (1 + deep layers)] to keys and values [B, J, P, W], layer by layer."""
        length = len(self.prefix.ids)
        image = features[..., : self.width]
        zero = image[:, :1] * 0  # [B, 1, D]: only its batch axis counts
        x = torch.cat([self.embed(self.before)[None] + zero, image, self.embed(self.after)[None] + zero], 1)
        slots = torch.arange(length)
        causal = torch.where(slots[None] <= slots[:, None], 0.0, MASKED)  # [P, P]
        stored = []
        for index, layer in enumerate(self.layers):
            query, key, value = layer.query_key_value(x)
            query = rotate(query.permute(0, 2, 3, 1, 4), self.cos[:, None], self.sin[:, None])  # [B, J, G, P, W]
            key, value = rotate(key.transpose(1, 2), self.cos, self.sin), value.transpose(1, 2)  # [B, J, P, W]
            stored += [key, value]
            if index == len(self.layers) - 1:
                break  # nobody reads the prefix's last states
            g = layer.heads.queries_a_key
            scores = torch.matmul(query.flatten(2, 3), key.transpose(2, 3)).float().unflatten(2, (g, length))
            probabilities = torch.softmax(scores + causal, -1).to(value.dtype)
            context = torch.matmul(probabilities.flatten(2, 3), value).unflatten(2, (g, length))
            x = layer.after_attention(x, context.permute(0, 3, 1, 2, 4).flatten(2))
            if index < self.deep_layers:
                x = x + self._deep(features, index, zero)
        return stored

    def _deep(self, features: Tensor, index: int, zero: Tensor) -> Tensor:
        """[B, P, D]: a layer's own feature at the photo's tokens, 0 elsewhere."""
        start = (1 + index) * self.width
        deep = features[..., start : start + self.width]
        behind = len(self.prefix.ids) - self.prefix.first - self.prefix.image_tokens
        return torch.cat([zero.expand(-1, self.prefix.first, -1), deep, zero.expand(-1, behind, -1)], 1)

    def read_questions(self, ids: Tensor, mask: Tensor, prefix: list[Tensor]) -> Asked:
        """Questions [B, Q, L] int32, their padding anywhere, after the prefix that `read_prefix` gave."""
        count, length = ids.shape[1], ids.shape[2]
        place = torch.matmul(mask.float(), torch.triu(torch.ones(length, length))) - 1  # a sum without CumSum; exact
        tokens = mask.float().sum(2)  # [B, Q]
        cos, sin = (t[:, None] for t in self.angles(place + self.next_position))  # [B, 1, Q, L, W]
        bias = torch.where(mask > 0, 0.0, MASKED)[:, None, :, None]  # [B, 1, Q, 1, L]
        slots = torch.arange(length)
        own_bias = (bias + torch.where(slots[None] <= slots[:, None], 0.0, MASKED)).unsqueeze(3)  # [B, 1, Q, 1, L, L]
        is_last = ((place == tokens.unsqueeze(2) - 1) & (mask > 0)).float()  # [B, Q, L]
        x = self.embed(ids.flatten(1))  # [B, Q·L, D]
        stored, looked = [], []
        for index, layer in enumerate(self.layers):
            query, key, value = layer.query_key_value(x)
            query = query.unflatten(1, (count, length)).permute(0, 3, 1, 4, 2, 5)  # [B, J, Q, G, L, W]
            key, value = (t.unflatten(1, (count, length)).permute(0, 3, 1, 2, 4) for t in (key, value))
            query, key = rotate(query, cos[:, :, :, None], sin[:, :, :, None]), rotate(key, cos, sin)
            stored += [key, value]
            context, seen = self._attend(query, key, value, prefix[2 * index : 2 * index + 2], own_bias)
            looked.append((seen * is_last[:, None, :, None, :, None]).sum(4).mean((1, 3)))  # [B, Q, N]
            # [B, J, Q, G, L, W]
            x = layer.after_attention(x, context.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2))
        last = torch.matmul(is_last.unsqueeze(2), x.unflatten(1, (count, length)).float()).squeeze(2).to(x.dtype)
        mean = torch.stack(looked).mean(0)
        return Asked(last, stored, bias, tokens, mean / mean.sum(2, keepdim=True))

    def _attend(
        self, query: Tensor, key: Tensor, value: Tensor, prefix: list[Tensor], own_bias: Tensor
    ) -> tuple[Tensor, Tensor]:
        """One softmax over the prefix, which all questions share, and the question's own tokens.

        Returns:
            The context [B, J, Q, G, L, W], and the probabilities of the photo's tokens [B, J, Q, G, L, N].
        """
        count, g, length = query.shape[2], query.shape[3], query.shape[4]
        size = len(self.prefix.ids)
        to_prefix = torch.matmul(query.flatten(2, 4), prefix[0].transpose(2, 3)).float()  # [B, J, Q·G·L, P]
        to_own = torch.matmul(query.flatten(3, 4), key.transpose(3, 4)).float().unflatten(3, (g, length)) + own_bias
        scores = torch.cat([to_prefix.unflatten(2, (count, g, length)), to_own], -1)
        probabilities = torch.softmax(scores, -1)
        first = self.prefix.first
        seen = probabilities[..., first : first + self.prefix.image_tokens]
        probabilities = probabilities.to(value.dtype)
        context = torch.matmul(probabilities[..., :size].flatten(2, 4), prefix[1]).unflatten(2, (count, g, length))
        own = torch.matmul(probabilities[..., size:].flatten(3, 4), value).unflatten(3, (g, length))
        return context + own, seen
