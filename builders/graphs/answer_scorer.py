"""The answer scorer: how likely each of a caller's own answers is, in one pass.

Axes: B batch, N image tokens, D width, L question tokens, C candidates,
S tokens of the longest candidate, H heads, W width of one head, V vocabulary.
"""

from typing import Any

import torch
from torch import Tensor, nn

from builders.graphs.answer_decoder import DecoderOptions, QuestionEncoder
from builders.graphs.layers import MASKED, TextLayer, attention, embedded, join_heads, layer_norm
from vitrine_steps.features import DIGEST_BYTES, EXTRA_ROWS


class AnswerScorer(nn.Module):
    """Question, features and candidates in, each candidate's log-probability out, token by token.

    The decoder is given every candidate whole ("teacher forcing"), so that
    there is no loop. The question is encoded once for all of them.
    """

    def __init__(self, text_encoder: Any, text_decoder: Any, options: DecoderOptions) -> None:
        super().__init__()
        self.question_encoder = QuestionEncoder(text_encoder, options.pointing_heads)
        self.embeddings = text_decoder.bert.embeddings
        self.layers: Any = nn.ModuleList(TextLayer(layer) for layer in text_decoder.bert.encoder.layer)
        self.head = text_decoder.cls.predictions
        self.options = options

    def forward(
        self, features: Tensor, question_ids: Tensor, question_mask: Tensor, candidate_ids: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """
        Args:
            features: [B, N + 2, D of the image] FP16, packed: see `vitrine_steps/features.py`.
            question_ids, question_mask: [B, 1, L] int32.
            candidate_ids: [B, C, S] int32, each with its end token, then padding.

        Returns:
            Log-probabilities [B, C, S] FP32 (0 on padding), the attention to
            the photo [B, 1, N] FP32, and the digest that came with the features
            [B, 32] uint8.
        """
        dtype = self.question_encoder.embeddings.word_embeddings.weight.dtype
        bias = torch.where(question_mask > 0, 0.0, MASKED)[:, None]  # [B, 1, 1, L]
        tokens, digest = features[:, :-EXTRA_ROWS], features[:, -1, :DIGEST_BYTES].to(torch.uint8)
        states, looked = self.question_encoder(tokens.to(dtype), question_ids, bias)
        logits = self._logits(states, bias, candidate_ids)  # [B, C·S, V]
        wanted = candidate_ids.flatten(1).to(torch.int64)  # [B, C·S]
        logprobs = torch.log_softmax(logits, dim=2).gather(2, wanted.unsqueeze(2)).squeeze(2)
        logprobs = torch.where(wanted == self.options.pad_id, 0.0, logprobs)
        return logprobs.view(candidate_ids.shape), looked, digest

    def _logits(self, question_states: Tensor, bias: Tensor, candidate_ids: Tensor) -> Tensor:
        """[B, C·S, V] FP32.

        To itself each candidate attends alone, as a row of B·C; to the
        question, whose keys and values so need not be repeated, as C·S queries.
        """
        count, length = candidate_ids.shape[1], candidate_ids.shape[2]
        said = candidate_ids.flatten(0, 1)  # [B·C, S]
        start = torch.zeros_like(said[:, :1]) + self.options.start_id
        given = torch.cat([start, said[:, :-1]], dim=1)
        slots = torch.arange(length)
        causal = torch.where(slots[None, :] <= slots[:, None], 0.0, MASKED)  # [S, S], FP32
        x = embedded(self.embeddings, given, slots.unsqueeze(0))  # [B·C, S, D]
        for layer in self.layers:
            query, key, value = layer.self_query_key_value(x)
            x = layer.after_self_attention(x, join_heads(attention(query, key, value, causal)[0]))
            asked = x.view(-1, count * length, x.shape[2])  # [B, C·S, D]
            asked, _ = layer.cross_attend(asked, *layer.source_key_value(question_states), bias)
            x = layer.feed_forward(asked).view(-1, length, x.shape[2])
        transform = self.head.transform
        hidden = layer_norm(transform.LayerNorm, transform.transform_act_fn(transform.dense(x)))
        logits: Tensor = self.head.decoder(hidden).float()
        return logits.view(-1, count * length, logits.shape[2])
