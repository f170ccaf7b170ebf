"""Triton step: questions in, token ids out. See `question.py`."""

from __future__ import annotations  # some of Triton's names exist for type checkers only

import json
from functools import partial

import triton_python_backend_utils as pb_utils
from tokenizers import Tokenizer

from vitrine_steps.candidates import free_rows
from vitrine_steps.question import (
    QuestionLimits,
    QuestionSteps,
    padded,
    require_questions,
    tokens_from_context,
    tokens_from_question,
)
from vitrine_steps.step_settings import read_settings
from vitrine_steps.text import TextError
from vitrine_steps.triton.metrics import INVALID_ARG, ErrorCounter
from vitrine_steps.triton.step import Tensors, answer_each, each_row, output_dims, parameter, version_folder


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        folder = version_folder(args)
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        limits = QuestionLimits(
            max_bytes=int(parameter(config, "max_question_bytes")),
            max_tokens=int(parameter(config, "max_question_tokens")),
            max_context_bytes=int(parameter(config, "max_context_bytes")),
            max_context_tokens=int(parameter(config, "max_context_tokens")),
        )
        self.steps = QuestionSteps(tokenizer, limits, read_settings(folder).family)
        self.free_rows = output_dims(config, "FORCED_IDS")[1:]
        self.max_questions = int(parameter(config, "max_questions"))
        self.entry = parameter(config, "entry")
        self.errors = ErrorCounter(args["model_name"])

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        caller_errors = {TextError: INVALID_ARG}
        return answer_each(
            requests,
            self.ids,
            ("QUESTION",),
            self.errors,
            optional=("CONTEXT",),
            caller_errors=caller_errors,
            entry=self.entry,
        )

    def ids(self, inputs: Tensors) -> Tensors:
        require_questions(inputs["QUESTION"].shape[1], self.max_questions)
        tokens = each_row(
            inputs["QUESTION"].reshape(-1).tolist(), partial(tokens_from_question, steps=self.steps), TextError,
            what="question",
        )  # fmt: skip
        if "CONTEXT" in inputs:
            contexts = [tokens_from_context(text, self.steps) for text in inputs["CONTEXT"].reshape(-1).tolist()]
            a_photo = inputs["QUESTION"].shape[1]
            tokens = [[*contexts[row // a_photo], *asked] for row, asked in enumerate(tokens)]
        ids, mask = padded(tokens, self.steps)
        shape = (*inputs["QUESTION"].shape, -1)  # [B, Q, L]
        outputs = {"QUESTION_IDS": ids.reshape(shape), "QUESTION_MASK": mask.reshape(shape)}
        if self.free_rows:  # of a decoder that takes rows: an open question's are free
            outputs["FORCED_IDS"] = free_rows(*shape[:2], *self.free_rows)
        return outputs
