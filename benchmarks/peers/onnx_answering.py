"""What a good engineer would put behind the same servers: the checkpoint as ONNX, one greedy answer a question."""

import io
import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tokenizers import Tokenizer

from builders.engine_spec import ANSWER_DECODER, IMAGE_ENCODER
from builders.parity.onnx_engine import onnx_engine
from builders.parity.outputs import Engine
from vitrine_steps.features import DIGEST_BYTES, pack_features


class OnnxAnswerer:
    """The engines of a repository that was built with --alternatives 1, under ONNX Runtime with all cores."""

    def __init__(self, repository: Path) -> None:
        self._repository = repository
        dimensions = json.loads((repository / "manifest.json").read_text("utf-8"))["dimensions"]
        self._side_px = dimensions["image_px"]
        self._tokenizer = Tokenizer.from_file(str(repository / "question_preprocess" / "1" / "tokenizer.json"))
        self._tokenizer.enable_padding(length=dimensions["question_tokens"])

    @cached_property
    def _engines(self) -> tuple[Engine, Engine]:
        """Opened by the process that answers: their threads do not survive a fork."""
        encoder, decoder = (
            onnx_engine(self._repository / name / "1" / "model.onnx") for name in (IMAGE_ENCODER, ANSWER_DECODER)
        )
        return encoder, decoder

    def answers(self, photos: list[bytes], questions: list[str]) -> list[str]:
        encoder, decoder = self._engines
        pixels = np.stack([self._pixels(photo) for photo in photos])
        encoded = encoder({"PIXELS": pixels})
        no_digest = np.zeros((len(photos), DIGEST_BYTES), np.uint8)
        asked = self._tokenizer.encode_batch(questions)
        said: Any = decoder(
            {
                "IMAGE_FEATURES": pack_features(encoded["ENCODED_FEATURES"], encoded["IMAGE_POOLED"], no_digest),
                "QUESTION_IDS": np.array([[one.ids] for one in asked], np.int32),
                "QUESTION_MASK": np.array([[one.attention_mask] for one in asked], np.int32),
            }
        )["ANSWER_IDS"][:, 0, 0]
        texts: list[str] = self._tokenizer.decode_batch(said.tolist(), skip_special_tokens=True)
        return texts

    def _pixels(self, photo: bytes) -> Any:
        size = (self._side_px, self._side_px)
        return np.asarray(Image.open(io.BytesIO(photo)).convert("RGB").resize(size, Image.Resampling.BICUBIC))
