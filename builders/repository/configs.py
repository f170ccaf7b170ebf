"""Writes a built repository: the hand-written one with a checkpoint's dimensions, files and engines."""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from builders.checkpoint.load import Checkpoint
from builders.repository import step_code
from builders.repository.step_code import modules_needed

SOURCE = Path(__file__).parents[2] / "model_repository"
# Of packed features, see vitrine_steps/features.py: the pooled row and the digest row.
EXTRA_ROWS = 2
DIGEST_BYTES = 32
ENGINES = ("image_encoder", "answer_decoder", "answer_scorer")

ONE_AT_A_TIME = ("answer_scorer",)
"""Engines that take one question a run: its candidates are rows enough, and logits of many lists would fill memory."""

# A narrow model's operators are over before a second thread is awake: on a fast machine the bundled decoder took
# 1.18 ms with one thread and 1.45 ms with two, the encoder 2.03 and 2.38 ms (2 cores, medians of 150 runs 4 ms apart).
# So a narrow model has an instance a core instead, of one thread each; a wide one has all cores in each run.
_ONE_THREAD_WIDTH = 256
_MANY_INSTANCES = ("image_preprocess", "image_encoder", "answer_decoder")
"""The costly steps; see their configs for what was measured."""
_MOST_INSTANCES = 8
_ALL_CORES = 0
MAX_BATCH = 1024


AxisRanges = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
MOST_REFUSALS = 16  # ways of a checkpoint to say "cannot tell", scored along with every list


@dataclass(frozen=True)
class BatchRange:
    """Rows of one run of an engine. Triton runs a request that comes alone at once, so the smallest is 1."""

    opt: int = 8
    """What TensorRT makes fastest."""
    max: int = 16

    def preferred(self) -> list[int]:
        """Powers of two up to `opt`, and `max`: CUDA graphs are captured for these, and for 1."""
        return sorted(({2**i for i in range(1, self.opt.bit_length())} | {self.opt, self.max}) - {1})


@dataclass(frozen=True)
class BuildDimensions:
    """The letters of the tensor contract; see the table in docs/reference/contract.md."""

    image_px: int
    image_tokens: int
    image_width: int
    grid: int
    question_tokens: int
    answers: int
    answer_tokens: int

    def by_tensor(self) -> dict[str, list[int]]:
        """The last dimensions of each tensor, those that a checkpoint or a build option decides."""
        return {
            "PIXELS": [self.image_px, self.image_px, 3],
            "ENCODED_FEATURES": [self.image_tokens, self.image_width],
            "IMAGE_FEATURES": [self.image_tokens + EXTRA_ROWS, self.image_width],
            "IMAGE_POOLED": [self.image_width],
            "IMAGE_EMBEDDING": [self.image_width],
            "QUESTION_IDS": [self.question_tokens],
            "QUESTION_MASK": [self.question_tokens],
            "ANSWER_IDS": [self.answers, self.answer_tokens],
            "ANSWER_LOGPROBS": [self.answers, self.answer_tokens],
            "ATTENTION": [self.image_tokens],
            "ALTERNATIVES": [self.answers],
            "ALTERNATIVE_CONFIDENCES": [self.answers],
            "HEATMAP": [self.grid, self.grid],
        }

    def variable_axes(self, engine: str) -> dict[str, AxisRanges]:
        """Inputs of `engine` whose axes beside the batch vary, without the batch axis: smallest, best and largest."""
        if engine == "answer_decoder":
            questions = _limit("question_preprocess", "max_questions")
            one, most = (1, self.question_tokens), (questions, self.question_tokens)
            return dict.fromkeys(("QUESTION_IDS", "QUESTION_MASK"), (one, one, most))
        if engine == "answer_scorer":
            candidates = _limit("candidates_preprocess", "max_candidates") + MOST_REFUSALS
            best = (16, min(4, self.answer_tokens))
            return {"CANDIDATE_IDS": ((1, 1), best, (candidates, self.answer_tokens))}
        return {}


@dataclass(frozen=True)
class Serving:
    """What a build decides about its configs beside their dimensions."""

    backend: str = "onnxruntime"
    """Of the two engines."""
    batch: BatchRange = field(default_factory=BatchRange)
    decode_strategy: str = "loop"
    cores: int = 2
    """Of the machine that will serve."""


def write_repository(
    folder: Path,
    checkpoint: Checkpoint,
    dimensions: BuildDimensions,
    serving: Serving,
    calibration: dict[str, Any] | None = None,
) -> None:
    """Write every model but the engine files themselves.

    Args:
        folder: exists; becomes Triton's model repository.
        calibration: of `builders/calibration/calibrate.py`. None: answers will say that they are uncalibrated.
    """
    for source in sorted(path for path in SOURCE.iterdir() if (path / "config.pbtxt").exists()):
        model = folder / source.name
        version = model / "1"
        version.mkdir(parents=True, exist_ok=True)  # an ensemble needs an empty one
        config = adapted_config(read_config(source / "config.pbtxt"), dimensions, serving)
        (model / "config.pbtxt").write_text(text_format.MessageToString(config, as_utf8=True), encoding="utf-8")
        if config.backend == "python":
            for code in sorted((source / "1").glob("*.py")):
                shutil.copy(code, version)
            for module in modules_needed(source / "1" / "model.py"):
                copy = version / step_code.PACKAGE / module
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(step_code.SOURCE / module, copy)
    for model_name in ("question_preprocess", "candidates_preprocess", "answer_postprocess"):
        checkpoint.tokenizer.backend_tokenizer.save(str(folder / model_name / "1" / "tokenizer.json"))
    settings = {
        "cannot_tell_answers": checkpoint.cannot_tell_answers,
        "not_understood_answers": checkpoint.not_understood_answers,
        "answer_spelling": checkpoint.answer_spelling,
    }
    for model_name in ("candidates_preprocess", "answer_postprocess"):
        _write_json(folder / model_name / "1" / "vitrine.json", settings)
    for model_name in ("answer_postprocess", "choice_postprocess") if calibration else ():
        _write_json(folder / model_name / "1" / "calibration.json", calibration)


def _limit(step: str, parameter: str) -> int:
    return int(read_config(SOURCE / step / "config.pbtxt").parameters[parameter].string_value)


def _write_json(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def read_config(file: Path) -> model_config_pb2.ModelConfig:
    return text_format.Parse(file.read_text(encoding="utf-8"), model_config_pb2.ModelConfig())


def adapted_config(
    config: model_config_pb2.ModelConfig, dimensions: BuildDimensions, serving: Serving
) -> model_config_pb2.ModelConfig:
    """`config` with the build's dimensions and batch and, for an engine, its backend."""
    adapted = model_config_pb2.ModelConfig()
    adapted.CopyFrom(config)
    if config.max_batch_size > 1:
        adapted.max_batch_size = serving.batch.max
    for tensor in (*adapted.input, *adapted.output):
        if tensor.name in (known := dimensions.by_tensor()):
            decided = known[tensor.name]
            tensor.dims[-len(decided) :] = decided  # before them may be the axis of questions
    if adapted.name in _MANY_INSTANCES:
        is_shared = adapted.name not in ENGINES or engine_threads(dimensions) == 1
        adapted.instance_group[0].count = min(serving.cores, _MOST_INSTANCES) if is_shared else 1
    if adapted.name in ENGINES:
        adapted.backend = serving.backend
        if serving.backend == "tensorrt":
            _adapt_to_tensorrt(adapted, dimensions, serving)
        else:
            adapted.parameters["intra_op_thread_count"].string_value = str(engine_threads(dimensions))
    if adapted.name == "candidates_preprocess":
        adapted.parameters["answer_tokens"].string_value = str(dimensions.answer_tokens)
    return adapted


def engine_threads(dimensions: BuildDimensions) -> int:
    """Of one run of an engine on the CPU; 0: one a core."""
    return 1 if dimensions.image_width <= _ONE_THREAD_WIDTH else _ALL_CORES


def _adapt_to_tensorrt(engine: model_config_pb2.ModelConfig, dimensions: BuildDimensions, serving: Serving) -> None:
    """One instance on each GPU, CUDA graphs where there is no control flow, and a first run before any request."""
    engine.parameters.clear()
    del engine.instance_group[:]
    engine.instance_group.add(count=1, kind=model_config_pb2.ModelInstanceGroup.KIND_GPU)
    if engine.name == "image_encoder" or (engine.name == "answer_decoder" and serving.decode_strategy == "unrolled"):
        engine.optimization.cuda.graphs = True
        engine.dynamic_batching.preferred_batch_size[:] = serving.batch.preferred()
    variable = dimensions.variable_axes(engine.name)
    for rows in sorted({1, serving.batch.opt, serving.batch.max} if engine.max_batch_size > 1 else {1}):
        warmup = engine.model_warmup.add(name=f"{rows} rows", batch_size=rows)
        for tensor in engine.input:
            sample = warmup.inputs[tensor.name]
            sample.data_type = tensor.data_type
            sample.dims[:] = variable[tensor.name][1] if tensor.name in variable else tensor.dims
            sample.zero_data = True
