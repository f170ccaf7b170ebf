"""Small BLIPs with random weights as ONNX graphs, each exported once for all tests that ask alike."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from builders.graphs.answer_decoder import AnswerDecoder, DecoderOptions
from builders.graphs.answer_scorer import AnswerScorer
from builders.graphs.export import export_answer_decoder, export_answer_scorer, export_image_encoder
from builders.graphs.image_encoder import ImageEncoder
from builders.parity.onnx_engine import onnx_engine
from builders.repository.configs import EXTRA_ROWS
from training.random_checkpoint import Geometry, random_blip
from training.tokenizer import new_tokenizer
from vitrine_steps.features import packed_features

QUESTION_TOKENS, ANSWER_TOKENS = 20, 7
MEAN, STD = (0.48, 0.46, 0.41), (0.27, 0.26, 0.28)
QUESTIONS = (
    "What colour is it?", "这是什么？", "Is the mug red or blue?", "有几个", "How many items are there?",
    "是红色还是蓝色？", "What pattern?", "多少钱",
)  # fmt: skip

SMALL = Geometry()

Engine = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]


@dataclass(frozen=True)
class SmallModel:
    """What decides a model's weights; the same one has the same graphs."""

    geometry: Geometry = SMALL
    end_bias: float = 2.0
    """Added to the end token's logit: large and positive, answers end at once."""
    seed: int = 3


@functools.cache
def model_of(small: SmallModel) -> Any:
    """A `BlipForQuestionAnswering`; nobody may change it."""
    return random_blip(small.geometry, seed=small.seed, end_bias=small.end_bias)


class Graphs:
    """ONNX files in one folder, written when they are first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def encoder_file(self, small: SmallModel) -> Path:
        def export(file: Path) -> None:
            encoder = ImageEncoder(model_of(small).vision_model, MEAN, STD)
            export_image_encoder(encoder, file, image_px=small.geometry.image_px)

        return self._written(f"encoder {small}", export)

    def decoder_file(self, small: SmallModel, answers: int, strategy: str = "loop") -> Path:
        def export(file: Path) -> None:
            model = model_of(small)
            decoder = AnswerDecoder(model.text_encoder, model.text_decoder, _options(model, answers, strategy))
            export_answer_decoder(decoder, file, **_sizes(model))

        return self._written(f"decoder {small} {answers} {strategy}", export)

    def scorer_file(self, small: SmallModel) -> Path:
        def export(file: Path) -> None:
            model = model_of(small)
            scorer = AnswerScorer(model.text_encoder, model.text_decoder, _options(model, 1, "loop"))
            export_answer_scorer(scorer, file, **_sizes(model), answer_tokens=ANSWER_TOKENS)

        return self._written(f"scorer {small}", export)

    def encoder(self, small: SmallModel) -> Engine:
        return onnx_engine(self.encoder_file(small))

    def decoder(self, small: SmallModel, answers: int, strategy: str = "loop") -> Engine:
        return onnx_engine(self.decoder_file(small, answers, strategy))

    def scorer(self, small: SmallModel) -> Engine:
        return onnx_engine(self.scorer_file(small))

    def _written(self, key: str, export: Callable[[Path], None]) -> Path:
        file = self._folder / f"{key}.onnx".replace(" ", "_")
        if not file.exists():
            export(file)
        return file


def _options(model: Any, answers: int, strategy: str) -> DecoderOptions:
    text = model.config.text_config
    return DecoderOptions(
        answers, ANSWER_TOKENS, text.bos_token_id, text.sep_token_id, text.pad_token_id, strategy=strategy
    )


def _sizes(model: Any) -> dict[str, int]:
    vision = model.config.vision_config
    return {
        "packed_rows": (vision.image_size // vision.patch_size) ** 2 + 1 + EXTRA_ROWS,
        "image_width": vision.hidden_size,
        "question_tokens": QUESTION_TOKENS,
    }


def packed(features: np.ndarray) -> np.ndarray:
    """[B, N, D] features as the serving step packs them, with a digest that names the row."""
    rows = np.arange(len(features), dtype=np.uint8)[:, None]
    return packed_features(features, features[:, 0], np.tile(rows + 200, (1, 32)))


def question_tensors(questions: Sequence[str]) -> dict[str, np.ndarray]:
    """One question about each photo: [B, 1, QUESTION_TOKENS] int32 ids and mask."""
    tokenizer = new_tokenizer()
    ids = np.zeros((len(questions), QUESTION_TOKENS), np.int32)
    mask = np.zeros((len(questions), QUESTION_TOKENS), np.int32)
    for row, question in enumerate(questions):
        tokens = tokenizer(question).input_ids
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return {"QUESTION_IDS": ids[:, None], "QUESTION_MASK": mask[:, None]}


def all_graphs(graph: onnx.GraphProto) -> list[onnx.GraphProto]:
    """The graph and those inside its loops and branches."""
    inner = [a.g for node in graph.node for a in node.attribute if a.type == onnx.AttributeProto.GRAPH]
    return [graph, *(deeper for one in inner for deeper in all_graphs(one))]
