"""Triton step: how likely each allowed answer is in, the choice with its verdict out. See `choice.py`."""

from __future__ import annotations  # some of Triton's names exist for type checkers only

import json
from pathlib import Path

import numpy as np
import triton_python_backend_utils as pb_utils

from vitrine_steps.choice import judge_choice, read_choice_calibration
from vitrine_steps.features import FeatureMismatchError
from vitrine_steps.heatmap import heatmap_from_attention, size_in_margin
from vitrine_steps.rules import FILE, NO_RULES, AnswerRules, apply_rules, read_rules
from vitrine_steps.source import source_rows
from vitrine_steps.step_settings import read_settings
from vitrine_steps.triton.metrics import INTERNAL, INVALID_ARG, ErrorCounter, VerdictCounter
from vitrine_steps.triton.mismatch import MismatchCounter
from vitrine_steps.triton.release import read_release, release_rows
from vitrine_steps.triton.step import Tensors, answer_each, output_dims, utf8, version_folder
from vitrine_steps.verdict import RiskError, language_of, max_risk_from

INPUTS = ("IMAGE", "IMAGE_SHA256", "QUESTION", "CANDIDATES", "CANDIDATE_IDS", "CANDIDATE_LOGPROBS", "ATTENTION")
CALLER_ERRORS = {FeatureMismatchError: INTERNAL, RiskError: INVALID_ARG}


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        folder = version_folder(args)
        self.calibration = read_choice_calibration(folder / "calibration.json")
        self.family = read_settings(folder).family
        # Candidates are the shop's own words already; what must never be said still must not.
        self.rules = AnswerRules(NO_RULES.words, read_rules(Path(args["model_repository"]).parent / FILE).forbidden)
        self.grid = output_dims(config, "HEATMAP")[0]
        self.release = read_release(args["model_repository"])
        self.mismatches = MismatchCounter(args["model_name"], self.release)
        self.verdicts = VerdictCounter(args["model_name"])
        self.errors = ErrorCounter(args["model_name"])

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        return answer_each(
            requests, self.choice, INPUTS, self.errors, optional=("MAX_RISK", "CONTEXT"), caller_errors=CALLER_ERRORS
        )

    def choice(self, inputs: Tensors) -> Tensors:
        self.mismatches.require_same_photos(inputs["IMAGE"], inputs["IMAGE_SHA256"])
        row = {name: tensor[0] for name, tensor in inputs.items()}  # one question a request
        ids, logprobs = (row[name].reshape(-1, row[name].shape[-1]) for name in ("CANDIDATE_IDS", "CANDIDATE_LOGPROBS"))
        question = row["QUESTION"][0].decode("utf-8", "replace")
        language = language_of(question)
        size = size_in_margin(inputs["IMAGE"].reshape(-1)[0], self.family)
        judgement = judge_choice(
            [text.decode("utf-8") for text in row["CANDIDATES"]],
            (ids != self.family.pad_id).sum(axis=1),
            logprobs,
            None if "CONTEXT" in inputs else self.calibration,
            question=question,
            language=language,
            max_risk=max_risk_from(float(row["MAX_RISK"][0])) if "MAX_RISK" in row else None,
        )
        ruled = apply_rules(
            self.rules, [judgement.answer], [judgement.confidence], judgement.verdict, language=language
        )
        self.verdicts.count(language, ruled.verdict.status, ruled.confidences[0])
        outputs = {
            "ANSWER": utf8(ruled.texts),
            "CONFIDENCE": np.array(ruled.confidences, np.float32),
            "STATUS": utf8([ruled.verdict.status]),
            "REASON": utf8([ruled.verdict.reason]),
            "SOURCE": source_rows((1,), has_context="CONTEXT" in inputs),
            "PROBABILITIES": judgement.probabilities.astype(np.float32),
            "HEATMAP": heatmap_from_attention(row["ATTENTION"][0], self.grid, self.family, size),
        }
        return {name: value[None] for name, value in outputs.items()} | {"RELEASE": release_rows(self.release, 1)}
