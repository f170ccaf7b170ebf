"""The answer decoder of a language model: prefill, and the greedy decoding loop, as one graph.

Answers and closed lists are the same rows: a row's forced tokens are taken as they are, -1 is free. Of a question's
free rows, row k starts with its k-th likeliest token; so row 0 is the greedy answer.

Axes: B photos, Q questions about one, A rows of a question, K answers, P prefix tokens, L question tokens, T answer
tokens, D width, J key heads, G query heads of one, W width of a head, V vocabulary.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch._higher_order_ops.while_loop import while_loop

from builders.graphs.language.layers import MASKED, Heads, LanguageLayer, rms_norm, rotate
from builders.graphs.language.prefill import Asked, Prefill, Prefix
from vitrine_steps.features import DIGEST_BYTES, EXTRA_ROWS


@dataclass(frozen=True)
class LanguageOptions:
    answers: int
    """K."""
    answer_tokens: int
    """T, an end token counted in."""
    end_ids: tuple[int, ...]
    """Any of them ends an answer."""
    pad_id: int
    """Behind an answer's end; may be an end token."""
    strategy: str = "loop"
    """"loop": one decode step in a loop that ends early; "unrolled": all steps written out, no control flow."""


class LanguageDecoder(nn.Module):
    """Features, questions and forced tokens in, answers out."""

    def __init__(
        self, language_model: Any, head: Any, prefix: Prefix, options: LanguageOptions, *, deep_layers: int = 0
    ) -> None:
        """
        Args:
            head: the linear layer from states to logits.
            deep_layers: see `Prefill`.
        """
        super().__init__()
        heads = Heads.of(language_model.config)
        layers = [LanguageLayer(layer, heads) for layer in language_model.layers]
        self.layers: Any = nn.ModuleList(layers)
        self.prefill = Prefill(language_model, layers, prefix, deep_layers)
        self.embed, self.norm, self.head = language_model.embed_tokens, language_model.norm, head
        self.heads, self.prefix, self.options = heads, prefix, options

    def forward(self, features: Tensor, ids: Tensor, mask: Tensor, forced: Tensor) -> tuple[Tensor, ...]:
        """
        Args:
            features: [B, N + 2, D · m], packed: see `vitrine_steps/features.py`.
            ids, mask: [B, Q, L] int32.
            forced: [B, Q, A, T] int32: tokens, or -1 for what is to be found.

        Returns:
            Answer ids [B, Q, A, T] int32 and their log-probabilities [B, Q, A, T] FP32, the attention to the photo
            [B, Q, N] FP32, and the digest that came with the features [B, 32] uint8.
        """
        image, digest = features[:, :-EXTRA_ROWS], features[:, -1, :DIGEST_BYTES].to(torch.uint8)
        prefix = self.prefill.read_prefix(image.to(self.norm.weight.dtype))
        asked = self.prefill.read_questions(ids, mask, prefix)
        state = self._first(asked, forced)
        steps = self.options.answer_tokens

        def advance(step: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
            return step + 1, *self._next(step, state, prefix, asked, forced)

        if self.options.strategy == "unrolled":
            for step in range(1, steps):
                state = self._next(torch.tensor(step), state, prefix, asked, forced)
            tokens, logprobs, *_ = state
        else:
            tokens, logprobs = _loop(advance, state, steps)
        return tokens, logprobs, asked.looked, digest

    def _first(self, asked: Asked, forced: Tensor) -> tuple[Tensor, ...]:
        """The state after the first token: tokens and log-probabilities [B, Q, A, T], going [B, Q, A, 1], caches."""
        o = self.options
        logprobs = torch.log_softmax(self._logits(asked.last), 2)  # [B, Q, V]
        best = torch.topk(logprobs, o.answers, dim=2).indices  # [B, Q, K]
        rank = torch.arange(forced.shape[2]).clamp(max=o.answers - 1)  # rows beyond K repeat the last
        is_rank = (torch.arange(o.answers)[:, None] == rank[None]).float()  # [K, A]
        free = torch.matmul(best.float(), is_rank).to(torch.int32)  # ids up to 2^24 are exact
        first = torch.where(forced[..., 0] >= 0, forced[..., 0], free)  # [B, Q, A]
        is_first = torch.arange(o.answer_tokens) == 0
        tokens = torch.where(is_first, first.unsqueeze(3), o.pad_id)
        chosen = torch.gather(logprobs, 2, first.to(torch.int64)).unsqueeze(3)
        going = (~self._is_end(first)).to(torch.int32).unsqueeze(3)
        empty = (tokens[:, None, :, :, :, None] * 0).to(self.norm.weight.dtype)
        empty = empty.expand(-1, self.heads.keys, -1, -1, -1, self.heads.width)  # [B, J, Q, A, T, W]
        caches = [empty.clone() for _ in range(2 * len(self.layers))]
        return tokens, torch.where(is_first, chosen, 0.0), going, *caches

    def _next(
        self, step: Tensor, state: tuple[Tensor, ...], prefix: list[Tensor], asked: Asked, forced: Tensor
    ) -> tuple[Tensor, ...]:
        """The state after token `step` (0-d int64, 1 or more); one step too many changes nothing."""
        o = self.options
        tokens, logprobs, going, *caches = state
        slots = torch.arange(o.answer_tokens)
        previous = torch.where(slots == step - 1, tokens, 0).sum(3).to(torch.int32)  # [B, Q, A]
        x, caches = self._decode(step, previous, caches, prefix, asked)
        found = torch.log_softmax(self._logits(x), 2).unflatten(1, (-1, tokens.shape[2]))  # [B, Q, A, V]
        wanted = torch.where(slots == step, forced, 0).sum(3).to(torch.int32)  # [B, Q, A]
        chosen = torch.where(wanted >= 0, wanted, found.argmax(3).to(torch.int32))
        gained = torch.gather(found, 3, chosen.to(torch.int64).unsqueeze(3)).squeeze(3)
        is_going = going.squeeze(3) > 0
        chosen = torch.where(is_going, chosen, o.pad_id)
        here = slots == step
        return (
            torch.where(here, chosen.unsqueeze(3), tokens),
            torch.where(here, torch.where(is_going, gained, 0.0).unsqueeze(3), logprobs),
            (is_going & ~self._is_end(chosen)).to(torch.int32).unsqueeze(3),
            *caches,
        )

    def _decode(
        self, step: Tensor, previous: Tensor, caches: list[Tensor], prefix: list[Tensor], asked: Asked
    ) -> tuple[Tensor, list[Tensor]]:
        """[B, Q, A] int32 tokens to states [B, Q·A, D], and the caches with their keys and values written."""
        rows = previous.shape[2]
        x = self.embed(previous.flatten(1))
        position = asked.count + (step - 1 + self.prefill.next_position).float()  # [B, Q]
        cos, sin = (t[:, None, :, None] for t in self.prefill.angles(position))  # [B, 1, Q, 1, W]
        slots = torch.arange(self.options.answer_tokens)
        here, past = (slots == step - 1).view(-1, 1), torch.where(slots < step, 0.0, MASKED)
        written = []
        for index, layer in enumerate(self.layers):
            query, key, value = layer.query_key_value(x)
            query = query.unflatten(1, (-1, rows)).permute(0, 3, 1, 2, 4, 5)  # [B, J, Q, A, G, W]
            key, value = (t.unflatten(1, (-1, rows)).permute(0, 3, 1, 2, 4) for t in (key, value))  # [B, J, Q, A, W]
            query = rotate(query, cos.unsqueeze(4), sin.unsqueeze(4))
            # A loop refuses carried values whose strides change.
            keys = torch.where(here, rotate(key, cos, sin).unsqueeze(4), caches[2 * index]).contiguous()
            values = torch.where(here, value.unsqueeze(4), caches[2 * index + 1]).contiguous()
            written += [keys, values]
            context = self._attend(query, (keys, values), past, prefix, asked, index)
            x = layer.after_attention(x, context.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2))
        return x, written

    def _attend(
        self,
        query: Tensor,
        own: tuple[Tensor, Tensor],
        past: Tensor,
        prefix: list[Tensor],
        asked: Asked,
        index: int,
    ) -> Tensor:
        """One softmax over prefix, question and the answer so far, none of which is copied: [B, J, Q, A, G, W]."""
        rows, g, size = query.shape[3], self.heads.queries_a_key, len(self.prefix.ids)
        keys, values = own
        question_keys, question_values = asked.stored[2 * index], asked.stored[2 * index + 1]
        length = question_keys.shape[3]
        to_prefix = torch.matmul(query.flatten(2, 4), prefix[2 * index].transpose(2, 3)).float()
        to_question = torch.matmul(query.flatten(3, 4), question_keys.transpose(3, 4)).float() + asked.bias
        to_own = torch.matmul(query, keys.transpose(4, 5)).float() + past  # [B, J, Q, A, G, T]
        scores = [to_prefix.unflatten(2, (-1, rows, g)), to_question.unflatten(3, (-1, g)), to_own]
        p = torch.softmax(torch.cat(scores, -1), -1).to(values.dtype)
        context = torch.matmul(p[..., :size].flatten(2, 4), prefix[2 * index + 1]).unflatten(2, (-1, rows, g))
        read = torch.matmul(p[..., size : size + length].flatten(3, 4), question_values).unflatten(3, (-1, g))
        attended: Tensor = context + read + torch.matmul(p[..., size + length :], values)
        return attended

    def _logits(self, x: Tensor) -> Tensor:
        """[B, S, D] to [B, S, V] FP32."""
        logits: Tensor = self.head(rms_norm(self.norm, x)).float()
        return logits

    def _is_end(self, ids: Tensor) -> Tensor:
        ends: Tensor = ids == self.options.end_ids[0]
        for end in self.options.end_ids[1:]:
            ends = ends | (ids == end)
        return ends


def _loop(advance: Callable[..., tuple[Tensor, ...]], state: tuple[Tensor, ...], steps: int) -> tuple[Tensor, Tensor]:
    def is_unfinished(step: Tensor, tokens: Tensor, logprobs: Tensor, going: Tensor, *caches: Tensor) -> Tensor:
        return (step < steps) & (going.sum() > 0)

    start = torch.ones((), dtype=torch.int64)
    _, tokens, logprobs, *_ = while_loop(is_unfinished, advance, (start, *state))
    return tokens, logprobs
