"""Triton step: the decoder's tokens in, an answer with its verdict out. See `answer.py` and `confidence.py`."""

from __future__ import annotations  # some of Triton's names exist for type checkers only

import json
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from tokenizers import Tokenizer

from vitrine_steps.answer import candidates_from_decoder
from vitrine_steps.calibration import Calibration, read_calibration
from vitrine_steps.confidence import judge
from vitrine_steps.features import FeatureMismatchError
from vitrine_steps.heatmap import heatmap_from_attention, size_in_margin
from vitrine_steps.rules import FILE, apply_rules, read_rules
from vitrine_steps.source import source_rows
from vitrine_steps.step_settings import read_settings
from vitrine_steps.triton.metrics import INTERNAL, INVALID_ARG, ErrorCounter, VerdictCounter
from vitrine_steps.triton.mismatch import MismatchCounter
from vitrine_steps.triton.release import read_release, release_rows
from vitrine_steps.triton.step import Tensors, answer_each, output_dims, utf8, version_folder
from vitrine_steps.verdict import RiskError, language_of, max_risk_from

INPUTS = ("IMAGE", "IMAGE_SHA256", "QUESTION", "ANSWER_IDS", "ANSWER_LOGPROBS", "ATTENTION")
CALLER_ERRORS = {FeatureMismatchError: INTERNAL, RiskError: INVALID_ARG}


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        folder = version_folder(args)
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.settings = read_settings(folder)
        self.cannot_tell = frozenset(self.settings.cannot_tell())
        self.not_understood = frozenset(self.settings.not_understood())
        self.calibration = read_calibration(folder / "calibration.json")
        self.rules = read_rules(Path(args["model_repository"]).parent / FILE)
        self.shapes = {output["name"]: output_dims(config, output["name"])[1:] for output in config["output"]}
        self.alternatives = self.shapes["ALTERNATIVES"][0]
        self.grid = self.shapes["HEATMAP"][0]
        self.release = read_release(args["model_repository"])
        self.mismatches = MismatchCounter(args["model_name"], self.release)
        self.verdicts = VerdictCounter(args["model_name"])
        self.errors = ErrorCounter(args["model_name"])

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        return answer_each(
            requests, self.answers, INPUTS, self.errors, optional=("MAX_RISK", "CONTEXT"), caller_errors=CALLER_ERRORS
        )

    def answers(self, inputs: Tensors) -> Tensors:
        self.mismatches.require_same_photos(inputs["IMAGE"], inputs["IMAGE_SHA256"])
        # Nobody has measured how often answers that read a context are right.
        calibration = None if "CONTEXT" in inputs else self.calibration
        risks = inputs.get("MAX_RISK", np.full((len(inputs["IMAGE"]), 1), np.nan, np.float32))[:, 0]
        rows = [
            self.answer(*question, calibration=calibration, max_risk=max_risk_from(float(risk)))
            for risk, *photo in zip(risks, *(inputs[name] for name in INPUTS[2:-1]), strict=True)
            for question in zip(*photo, strict=True)
        ]
        stacked = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        stacked["HEATMAP"] = self.heatmaps(inputs["IMAGE"].reshape(-1).tolist(), inputs["ATTENTION"])
        asked = inputs["QUESTION"].shape  # [B, Q]
        stacked["SOURCE"] = source_rows(asked, has_context="CONTEXT" in inputs)
        answers = {name: tensor.reshape(*asked, *self.shapes[name]) for name, tensor in stacked.items()}
        return answers | {"RELEASE": release_rows(self.release, len(inputs["QUESTION"]))}

    def heatmaps(self, photos: list[bytes], attention: Any) -> Any:
        """[B · Q, grid, grid], of [B, Q, N]."""
        family = self.settings.family
        maps = []
        for photo, questions in zip(photos, attention, strict=True):
            size = size_in_margin(photo, family)
            maps += [heatmap_from_attention(looked, self.grid, family, size) for looked in questions]
        return np.stack(maps)

    def answer(
        self, question: bytes, ids: Any, logprobs: Any, *, calibration: Calibration | None, max_risk: float | None
    ) -> Tensors:
        candidates = candidates_from_decoder(ids, logprobs, self.tokenizer, self.settings)
        text = question.decode("utf-8", "replace")
        language = language_of(text)
        judgement = judge(
            candidates,
            self.cannot_tell,
            calibration,
            question=text,
            language=language,
            max_risk=max_risk,
            not_understood=self.not_understood,
        )
        ruled = apply_rules(self.rules, judgement.texts, judgement.confidences, judgement.verdict, language=language)
        self.verdicts.count(language, ruled.verdict.status, ruled.confidences[0])
        padding = self.alternatives - len(ruled.texts)
        return {
            "ANSWER": utf8(ruled.texts[:1]),
            "CONFIDENCE": np.array(ruled.confidences[:1], np.float32),
            "STATUS": utf8([ruled.verdict.status]),
            "REASON": utf8([ruled.verdict.reason]),
            "ALTERNATIVES": utf8(ruled.texts + [""] * padding),
            "ALTERNATIVE_CONFIDENCES": np.array(ruled.confidences + [0.0] * padding, np.float32),
        }
