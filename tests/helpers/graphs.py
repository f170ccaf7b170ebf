"""Small BLIPs with random weights as ONNX graphs, each exported once for all tests that ask alike."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx

from builders.checkpoint.checkpoint import Checkpoint, ModelParts
from builders.dimensions import BuildDimensions
from builders.engine_spec import ANSWER_DECODER, ANSWER_SCORER, IMAGE_ENCODER, EngineSpec
from builders.families.blip import engine_specs
from builders.graphs.export import export_engine
from builders.parity.onnx_engine import onnx_engine
from builders.precision.weights import WEIGHT_KINDS, quantize_weights
from tests.helpers.step_settings import WORDS
from training.random_checkpoint import Geometry, random_blip
from training.tokenizer import new_tokenizer
from vitrine_steps.features import pack_features
from vitrine_steps.step_settings import StepSettings

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
        return self.file(IMAGE_ENCODER, small)

    def decoder_file(self, small: SmallModel, answers: int, strategy: str = "loop") -> Path:
        return self.file(ANSWER_DECODER, small, answers, strategy)

    def scorer_file(self, small: SmallModel) -> Path:
        return self.file(ANSWER_SCORER, small)

    def encoder(self, small: SmallModel) -> Engine:
        return onnx_engine(self.encoder_file(small))

    def decoder(self, small: SmallModel, answers: int, strategy: str = "loop") -> Engine:
        return onnx_engine(self.decoder_file(small, answers, strategy))

    def scorer(self, small: SmallModel) -> Engine:
        return onnx_engine(self.scorer_file(small))

    def file(
        self,
        name: str,
        small: SmallModel,
        answers: int = 1,
        strategy: str = "loop",
        precision: str = "fp32",
        answer_tokens: int = ANSWER_TOKENS,
    ) -> Path:
        """The graph of an engine, `NAME/model.onnx` in a folder of its own."""
        file = (
            self._folder
            / f"{small} {answers} {strategy} {precision} {answer_tokens}".replace(" ", "_")
            / name
            / "model.onnx"
        )
        if not file.exists() and precision in WEIGHT_KINDS:
            graph = onnx.load(self.file(name, small, answers, strategy, "fp16", answer_tokens))
            quantize_weights(graph, WEIGHT_KINDS[precision])
            file.parent.mkdir(parents=True)
            onnx.save_model(graph, str(file))
        if not file.exists():
            file.parent.mkdir(parents=True)
            dimensions = dimensions_of(small, answers, answer_tokens)
            spec = spec_of(name, dimensions, strategy)
            export_engine(spec, spec.module(_checkpoint(model_of(small), dimensions), precision), file)
        return file


def spec_of(name: str, dimensions: BuildDimensions, strategy: str) -> EngineSpec:
    """Describe one engine."""
    return next(spec for spec in engine_specs(dimensions, strategy) if spec.name == name)


def dimensions_of(small: SmallModel, answers: int, answer_tokens: int = ANSWER_TOKENS) -> BuildDimensions:
    """Sizes of a build of this model, with QUESTION_TOKENS."""
    vision = model_of(small).config.vision_config
    grid = vision.image_size // vision.patch_size
    sizes = (vision.image_size, grid**2 + 1, vision.hidden_size, grid)
    return BuildDimensions(*sizes, QUESTION_TOKENS, answers, answer_tokens)


def _checkpoint(model: Any, dimensions: BuildDimensions) -> Checkpoint:
    """What an engine's module needs of a checkpoint."""
    processor = SimpleNamespace(image_mean=MEAN, image_std=STD)
    text = model.config.text_config
    parts = ModelParts(
        model=model,
        tokenizer=None,
        image_processor=processor,
        image_px=dimensions.image_px,
        grid=dimensions.grid,
        image_tokens=dimensions.image_tokens,
        image_width=dimensions.image_width,
        max_text_tokens=QUESTION_TOKENS,
        answer_tokens=ANSWER_TOKENS,
        steps=WORDS,
        text_layers_heads=(text.num_hidden_layers, text.num_attention_heads),
    )
    return Checkpoint("small", "BlipForQuestionAnswering", Path(), parts, StepSettings(WORDS), None, {})


def packed(features: np.ndarray) -> np.ndarray:
    """[B, N, D] features as the serving step packs them, with a digest that names the row."""
    rows = np.arange(len(features), dtype=np.uint8)[:, None]
    return pack_features(features, features[:, 0], np.tile(rows + 200, (1, 32)))


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
