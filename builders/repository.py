"""Writes a built repository: the hand-written one with a checkpoint's dimensions, files and engines."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from builders.checkpoint import Checkpoint

SOURCE = Path(__file__).parent.parent / "model_repository"
# Of packed features, see model_repository/features.py: the pooled row and the digest row.
EXTRA_ROWS = 2
DIGEST_BYTES = 32
ENGINES = ("image_encoder", "answer_decoder")


# A narrow model's operators are over before a second thread is awake: the bundled decoder took 1.18 ms with
# one thread and 1.45 ms with two, the encoder 2.03 ms and 2.38 ms (2 cores, medians of 150 runs 4 ms apart).
_ONE_THREAD_WIDTH = 256
_ALL_CORES = "0"


@dataclass(frozen=True)
class BuildDimensions:
    """The letters of the tensor contract; see the table in docs/contract.md."""

    image_px: int
    image_tokens: int
    image_width: int
    grid: int
    question_tokens: int
    answers: int
    answer_tokens: int

    def by_tensor(self) -> dict[str, list[int]]:
        """Dimensions of each tensor that a checkpoint or a build option decides, without the batch axis."""
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


def write_repository(folder: Path, checkpoint: Checkpoint, dimensions: BuildDimensions, *, backend: str) -> None:
    """Write every model but the engine files themselves.

    Args:
        folder: exists; becomes Triton's model repository.
        backend: of the two engines, such as "onnxruntime".
    """
    for source in sorted(path for path in SOURCE.iterdir() if (path / "config.pbtxt").exists()):
        model = folder / source.name
        version = model / "1"
        version.mkdir(parents=True, exist_ok=True)  # an ensemble needs an empty one
        config = adapted_config(read_config(source / "config.pbtxt"), dimensions, backend=backend)
        (model / "config.pbtxt").write_text(text_format.MessageToString(config, as_utf8=True), encoding="utf-8")
        if config.backend == "python":
            for code in sorted((source / "1").glob("*.py")):
                shutil.copy(code, version)
            for shared in sorted(SOURCE.glob("*.py")):
                shutil.copy(shared, version)
    for model_name in ("question_preprocess", "answer_postprocess"):
        checkpoint.tokenizer.backend_tokenizer.save(str(folder / model_name / "1" / "tokenizer.json"))
    settings = {"cannot_tell_answers": checkpoint.cannot_tell_answers}
    (folder / "answer_postprocess" / "1" / "vitrine.json").write_text(
        json.dumps(settings, ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
    )


def read_config(file: Path) -> model_config_pb2.ModelConfig:
    return text_format.Parse(file.read_text(encoding="utf-8"), model_config_pb2.ModelConfig())


def adapted_config(
    config: model_config_pb2.ModelConfig, dimensions: BuildDimensions, *, backend: str
) -> model_config_pb2.ModelConfig:
    """`config` with the build's dimensions and, for an engine, its backend."""
    adapted = model_config_pb2.ModelConfig()
    adapted.CopyFrom(config)
    for tensor in (*adapted.input, *adapted.output):
        if tensor.name in (known := dimensions.by_tensor()):
            tensor.dims[:] = known[tensor.name]
    if adapted.name in ENGINES:
        adapted.backend = backend
        threads = "1" if dimensions.image_width <= _ONE_THREAD_WIDTH else _ALL_CORES
        adapted.parameters["intra_op_thread_count"].string_value = threads
    return adapted
