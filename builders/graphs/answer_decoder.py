"""The answer decoder: question encoder and greedy decoding as one graph.

Axes: B batch (photos), Q questions about one photo, N image tokens, D width,
L question tokens, K answers per question, T answer tokens, H heads, W width of
one head, V vocabulary. From the decode step on, B counts questions: it is B·Q.

The K answers of a question start with its K likeliest first tokens and go on
greedily, as rows of the same loop; so answer 0 is the greedy one, exactly.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch._higher_order_ops.while_loop import while_loop

from builders.graphs.layers import MASKED, TextLayer, attention, embedded, join_heads, layer_norm
from vitrine_steps.features import DIGEST_BYTES, EXTRA_ROWS

LEAST_ATTENTION = 1e-6  # so that one head that does not look somewhere does not veto it


@dataclass(frozen=True)
class DecoderOptions:
    answers: int
    """K."""
    answer_tokens: int
    """T, the end token counted in."""
    start_id: int
    end_id: int
    pad_id: int
    strategy: str = "loop"
    """"loop": one decode step in a loop that ends early; "unrolled": T decode steps written out, no control flow."""
    pointing_heads: tuple[tuple[int, int], ...] | None = None
    """Layer and head of the question encoder whose attention to the photo is the heatmap; None: all of them."""


class QuestionEncoder(nn.Module):
    """Reads the question while looking at the photo."""

    def __init__(self, text_model: Any, pointing_heads: tuple[tuple[int, int], ...] | None) -> None:
        super().__init__()
        self.embeddings = text_model.embeddings
        self.layers: Any = nn.ModuleList(TextLayer(layer) for layer in text_model.encoder.layer)
        heads = [layer.attention.self.num_attention_heads for layer in text_model.encoder.layer]
        every_head = tuple((layer, head) for layer, count in enumerate(heads) for head in range(count))
        self.pointing_heads = pointing_heads or every_head

    def forward(self, features: Tensor, ids: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """
        Args:
            features: [B, N, D of the image].
            ids: [B, Q, L] int.
            bias: [B·Q, 1, 1, L] FP32, 0 on tokens and MASKED on padding.

        Returns:
            States [B·Q, L, D], and the attention to the photo [B, Q, N] FP32:
            mean over the question's tokens, then geometric mean over the
            pointing heads (where all of them look), summing to 1.

        Attention to the photo takes its Q questions as Q·L queries, so that
        its keys and values are made once.
        """
        count, length = ids.shape[1], ids.shape[2]
        x = embedded(self.embeddings, ids.flatten(0, 1), torch.arange(length).unsqueeze(0))  # [B·Q, L, D]
        looked = []
        for layer in self.layers:
            query, key, value = layer.self_query_key_value(x)
            x = layer.after_self_attention(x, join_heads(attention(query, key, value, bias)[0]))
            asking = x.view(-1, count * length, x.shape[2])  # [B, Q·L, D]
            asking, probabilities = layer.cross_attend(asking, *layer.source_key_value(features), None)
            looked.append(probabilities.unflatten(2, (count, length)))  # [B, H, Q, L, N]
            x = layer.feed_forward(asking).view(-1, length, x.shape[2])
        is_token = (bias == 0).float().view(-1, 1, count, length, 1)  # [B, 1, Q, L, 1]
        tokens = is_token.sum(3).clamp(min=1)  # [B, 1, Q, 1]
        per_head = [(probabilities * is_token).sum(3) / tokens for probabilities in looked]  # [B, H, Q, N]
        chosen = torch.stack([per_head[layer][:, head] for layer, head in self.pointing_heads])
        agreed = (chosen + LEAST_ATTENTION).log().mean(0).exp()  # [B, Q, N]
        return x, agreed / agreed.sum(2, keepdim=True)


class DecodeStep(nn.Module):
    """One decode step of all answers: a pure function of its arguments.

    A step after the end of every answer changes nothing, so that a runtime
    may run one too many.
    """

    def __init__(self, text_decoder: Any, options: DecoderOptions) -> None:
        super().__init__()
        self.embeddings = text_decoder.bert.embeddings
        self.layers: Any = nn.ModuleList(TextLayer(layer) for layer in text_decoder.bert.encoder.layer)
        self.head = text_decoder.cls.predictions
        self.options = options

    def sources(self, question_states: Tensor) -> list[Tensor]:
        """Keys and values [B, H, L, W] of the question, for each layer in turn."""
        return [t for layer in self.layers for t in layer.source_key_value(question_states)]

    def new_state(self, question_states: Tensor) -> tuple[Tensor, ...]:
        """Tokens, log-probabilities and "still going" [B, K, T] / [B, K], then key and value caches [B·K, H, T, W]."""
        k, t = self.options.answers, self.options.answer_tokens
        like = question_states[:, 0, 0].float().unsqueeze(1)  # [B, 1]: only its batch axis counts
        zeros_bk = (like * 0).expand(-1, k)  # [B, K]
        zeros_bkt = zeros_bk.unsqueeze(2).expand(-1, -1, t)  # [B, K, T]
        tokens = zeros_bkt.to(torch.int32) + self.options.pad_id
        going = zeros_bk.to(torch.int32) + 1
        heads = self.layers[0].heads
        width = question_states.shape[2] // heads
        empty = zeros_bkt.flatten(0, 1)[:, None, :, None].expand(-1, heads, -1, width).to(question_states.dtype)
        caches = [empty.clone() for _ in range(2 * len(self.layers))]
        return tokens, zeros_bkt.clone(), going, *caches

    def forward(
        self, step: Tensor, state: tuple[Tensor, ...], sources: list[Tensor], bias: Tensor
    ) -> tuple[Tensor, ...]:
        """The state after `step` (0-d int64), from the state before it."""
        tokens, logprobs, going, *caches = state
        slots = torch.arange(self.options.answer_tokens)
        previous = torch.where(slots == step - 1, tokens, 0).sum(2).to(torch.int32)  # [B, K]
        previous = torch.where(step == 0, self.options.start_id, previous)
        logits, caches = self._logits(step, previous, caches, sources, bias)  # [B, K, V]
        chosen, chosen_logprobs = self._chosen(step, torch.log_softmax(logits, dim=2))

        is_going = going > 0
        chosen = torch.where(is_going, chosen, self.options.pad_id)
        chosen_logprobs = torch.where(is_going, chosen_logprobs, 0.0)
        here = slots == step  # [T]
        return (
            torch.where(here, chosen.unsqueeze(2), tokens),
            torch.where(here, chosen_logprobs.unsqueeze(2), logprobs),
            (is_going & (chosen != self.options.end_id)).to(torch.int32),
            *caches,
        )

    def _logits(
        self, step: Tensor, previous: Tensor, caches: list[Tensor], sources: list[Tensor], bias: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """[B, K] int32 tokens to [B, K, V] FP32 logits, and the caches with this step's slot written.

        Attention to the question takes the K answers as K queries, so that its
        keys and values need not be repeated.
        """
        k, t = self.options.answers, self.options.answer_tokens
        slots = torch.arange(t)
        here = (slots == step).view(1, 1, t, 1)
        past = torch.where(slots <= step, 0.0, MASKED)  # [T], FP32
        x = embedded(self.embeddings, previous, step.view(1, 1))  # [B, K, D]
        written = []
        for index, layer in enumerate(self.layers):
            rows = x.flatten(0, 1).unsqueeze(1)  # [B·K, 1, D]
            query, key, value = layer.self_query_key_value(rows)  # [B·K, H, 1, W]
            keys = torch.where(here, key, caches[2 * index])
            values = torch.where(here, value, caches[2 * index + 1])
            written += [keys, values]
            context = join_heads(attention(query, keys, values, past)[0])  # [B·K, 1, D]
            x = layer.after_self_attention(x, context.view(-1, k, context.shape[2]))
            x, _ = layer.cross_attend(x, sources[2 * index], sources[2 * index + 1], bias)
            x = layer.feed_forward(x)
        transform = self.head.transform
        hidden = layer_norm(transform.LayerNorm, transform.transform_act_fn(transform.dense(x)))
        return self.head.decoder(hidden).float(), written

    def _chosen(self, step: Tensor, logprobs: Tensor) -> tuple[Tensor, Tensor]:
        """[B, K, V] to the chosen tokens [B, K] int32 and their log-probabilities [B, K]."""
        best, best_ids = logprobs.max(dim=2)
        if self.options.answers == 1:
            return best_ids.to(torch.int32), best
        # All rows of a question are alike in step 0: row k takes the k-th best token of row 0.
        first, first_ids = torch.topk(logprobs[:, 0], self.options.answers, dim=1)
        return (
            torch.where(step == 0, first_ids, best_ids).to(torch.int32),
            torch.where(step == 0, first, best),
        )


class AnswerDecoder(nn.Module):
    """Question and features in, K answers out."""

    def __init__(self, text_encoder: Any, text_decoder: Any, options: DecoderOptions) -> None:
        super().__init__()
        self.question_encoder = QuestionEncoder(text_encoder, options.pointing_heads)
        self.step = DecodeStep(text_decoder, options)
        self.options = options

    def forward(
        self, features: Tensor, question_ids: Tensor, question_mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """
        Args:
            features: [B, N + 2, D of the image] FP16, packed: see `vitrine_steps/features.py`.
            question_ids, question_mask: [B, Q, L] int32.

        Returns:
            Answer ids [B, Q, K, T] int32 (the end token, then padding, where
            an answer ends early), their log-probabilities [B, Q, K, T] FP32,
            the attention to the photo [B, Q, N] FP32, and the digest that came
            with the features [B, 32] uint8.
        """
        dtype = self.question_encoder.embeddings.word_embeddings.weight.dtype
        bias = torch.where(question_mask > 0, 0.0, MASKED).flatten(0, 1)[:, None, None, :]  # [B·Q, 1, 1, L]
        tokens, digest = features[:, :-EXTRA_ROWS], features[:, -1, :DIGEST_BYTES].to(torch.uint8)
        states, looked = self.question_encoder(tokens.to(dtype), question_ids, bias)
        sources = self.step.sources(states)

        state = self.step.new_state(states)
        decoded = self._unrolled if self.options.strategy == "unrolled" else self._looped
        asked = (-1, question_ids.shape[1])
        answer_ids, logprobs = (rows.unflatten(0, asked) for rows in decoded(state, sources, bias))
        return answer_ids, logprobs, looked, digest

    def _looped(self, state: tuple[Tensor, ...], sources: list[Tensor], bias: Tensor) -> tuple[Tensor, Tensor]:
        def is_unfinished(step: Tensor, tokens: Tensor, logprobs: Tensor, going: Tensor, *caches: Tensor) -> Tensor:
            return (step < self.options.answer_tokens) & (going.sum() > 0)

        def advanced(step: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
            return step + 1, *self.step(step, state, sources, bias)

        start = torch.zeros((), dtype=torch.int64)
        _, answer_ids, logprobs, *_ = while_loop(is_unfinished, advanced, (start, *state))
        return answer_ids, logprobs

    def _unrolled(self, state: tuple[Tensor, ...], sources: list[Tensor], bias: Tensor) -> tuple[Tensor, Tensor]:
        for step in range(self.options.answer_tokens):
            state = self.step(torch.tensor(step), state, sources, bias)
        return state[0], state[1]
