"""Triton step: questions in, token ids out. See `question.py`."""

from __future__ import annotations  # some of Triton's names exist for type checkers only

import json
from functools import partial

import numpy as np
import triton_python_backend_utils as pb_utils
from tokenizers import Tokenizer

from vitrine_steps.candidates import free_rows
from vitrine_steps.question import QuestionLimits, ids_from_question, require_questions
from vitrine_steps.step_settings import read_settings
from vitrine_steps.text import TextError
from vitrine_steps.triton.metrics import INVALID_ARG, ErrorCounter
from vitrine_steps.triton.step import Tensors, answer_each, each_row, output_dims, parameter, version_folder


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        folder = version_folder(args)
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.family = read_settings(folder).family
        self.limits = QuestionLimits(
            max_bytes=int(parameter(config, "max_question_bytes")),
            max_tokens=output_dims(config, "QUESTION_IDS")[-1],
        )
        self.free_rows = output_dims(config, "FORCED_IDS")[1:]
        self.max_questions = int(parameter(config, "max_questions"))
        self.entry = parameter(config, "entry")
        self.errors = ErrorCounter(args["model_name"])

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        caller_errors = {TextError: INVALID_ARG}
        return answer_each(
            requests, self.ids, ("QUESTION",), self.errors, caller_errors=caller_errors, entry=self.entry
        )

    def ids(self, inputs: Tensors) -> Tensors:
        require_questions(inputs["QUESTION"].shape[1], self.max_questions)
        ids = partial(ids_from_question, tokenizer=self.tokenizer, limits=self.limits, family=self.family)
        rows = each_row(inputs["QUESTION"].reshape(-1).tolist(), ids, TextError, what="question")
        shape = (*inputs["QUESTION"].shape, self.limits.max_tokens)  # [B, Q, L]
        outputs = {
            "QUESTION_IDS": np.stack([ids for ids, _ in rows]).reshape(shape),
            "QUESTION_MASK": np.stack([mask for _, mask in rows]).reshape(shape),
        }
        if self.free_rows:  # of a decoder that takes rows: an open question's are free
            outputs["FORCED_IDS"] = free_rows(*shape[:2], *self.free_rows)
        return outputs
