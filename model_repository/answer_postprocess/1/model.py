"""Triton step: the decoder's tokens in, an answer with its verdict out. See `answer.py`."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from answer import candidates_from_decoder, heatmap_from_attention, status_of
from features import FeatureMismatchError, require_same_photos
from step import MismatchCounter, Tensors, answer_each, output_dims
from tokenizers import Tokenizer

INPUTS = ("IMAGE", "IMAGE_SHA256", "ANSWER_IDS", "ANSWER_LOGPROBS", "ATTENTION")


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        folder = Path(__file__).parent
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        settings = json.loads((folder / "vitrine.json").read_text(encoding="utf-8"))
        self.cannot_tell = {text for texts in settings["cannot_tell_answers"].values() for text in texts}
        self.alternatives = output_dims(config, "ALTERNATIVES")[0]
        self.grid = output_dims(config, "HEATMAP")[0]
        self.mismatches = MismatchCounter(args["model_name"])

    def execute(self, requests: list[Any]) -> list[Any]:
        return answer_each(requests, self.answers, INPUTS, told={FeatureMismatchError: "INTERNAL"})

    def answers(self, inputs: Tensors) -> Tensors:
        try:
            require_same_photos(inputs["IMAGE"].reshape(-1).tolist(), inputs["IMAGE_SHA256"])
        except FeatureMismatchError:
            self.mismatches.count()
            raise
        decoded = (inputs[name] for name in INPUTS[2:])
        rows = [self.answer(*row) for row in zip(*decoded, strict=True)]
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def answer(self, ids: Any, logprobs: Any, attention: Any) -> Tensors:
        candidates = candidates_from_decoder(ids, logprobs, self.tokenizer)
        best = candidates[0]
        padding = self.alternatives - len(candidates)
        return {
            "ANSWER": _utf8([best.text]),
            "CONFIDENCE": np.array([best.probability], np.float32),
            "STATUS": _utf8([status_of(best.text, self.cannot_tell)]),
            "ALTERNATIVES": _utf8([c.text for c in candidates] + [""] * padding),
            "ALTERNATIVE_CONFIDENCES": np.array([c.probability for c in candidates] + [0.0] * padding, np.float32),
            "HEATMAP": heatmap_from_attention(attention, self.grid),
        }


def _utf8(texts: list[str]) -> np.ndarray[Any, np.dtype[np.object_]]:
    return np.array([text.encode("utf-8") for text in texts], np.object_)
