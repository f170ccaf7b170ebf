"""Triton step: allowed answers in, token ids out. See `candidates.py`."""

from __future__ import annotations  # some of Triton's names exist for type checkers only

import json

import triton_python_backend_utils as pb_utils
from tokenizers import Tokenizer

from vitrine_steps.candidates import CandidateLimits, forced_rows, ids_from_candidates
from vitrine_steps.step_settings import read_settings
from vitrine_steps.text import TextError
from vitrine_steps.triton.metrics import INVALID_ARG, ErrorCounter
from vitrine_steps.triton.step import Tensors, answer_each, output_dims, parameter, version_folder

_LIST_AXES = 2
"""Axes of a list for a scorer, candidates and tokens; a decoder that takes rows has one of questions before them."""


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        folder = version_folder(args)
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.settings = read_settings(folder)
        self.limits = CandidateLimits(
            max_candidates=int(parameter(config, "max_candidates")),
            max_bytes=int(parameter(config, "max_candidate_bytes")),
            max_tokens=int(parameter(config, "answer_tokens")),
        )
        self.takes_rows = len(output_dims(config, "CANDIDATE_IDS")) > _LIST_AXES
        self.errors = ErrorCounter(args["model_name"])

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        return answer_each(requests, self.ids, ("CANDIDATES",), self.errors, caller_errors={TextError: INVALID_ARG})

    def ids(self, inputs: Tensors) -> Tensors:
        candidates = inputs["CANDIDATES"][0].tolist()  # one question a request
        ids = ids_from_candidates(candidates, self.tokenizer, self.limits, self.settings)
        if self.takes_rows:
            ids = forced_rows(ids, self.limits.max_tokens, self.settings.family.pad_id)
        return {"CANDIDATE_IDS": ids[None]}
