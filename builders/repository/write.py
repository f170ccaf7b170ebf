"""Writes a built repository: the hand-written one with a checkpoint's dimensions and files; engines come later."""

import json
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from builders.checkpoint.checkpoint import Checkpoint
from builders.dimensions import BuildDimensions
from builders.embedding.engine import EMBEDDING_ENCODER, EMBEDDING_MODELS, OWN_EMBEDDING_MODELS
from builders.engine_spec import ANSWER_SCORER, EngineSpec
from builders.repository import step_code
from builders.repository.configs import ServingConfig, adapt_config
from builders.repository.source import SOURCE, read_config
from builders.repository.step_code import modules_needed
from builders.text.engines import TEXT_DETECTOR, TEXT_MODELS
from vitrine_steps.step_settings import FILE as SETTINGS_FILE
from vitrine_steps.step_settings import settings_to_json

_READ_SETTINGS = (
    "image_preprocess", "question_preprocess", "candidates_preprocess", "answer_postprocess", "choice_postprocess",
)  # fmt: skip


def write_repository(
    folder: Path,
    checkpoint: Checkpoint,
    dimensions: BuildDimensions,
    serving: ServingConfig,
    engines: Sequence[EngineSpec],
    calibration: dict[str, Any] | None = None,
) -> None:
    """Write every model but the engine files themselves.

    Args:
        folder: exists; becomes Triton's model repository.
        calibration: of `builders/calibration/calibrate.py`. None: answers will say that they are uncalibrated.
    """
    by_name = {engine.name: engine for engine in engines}
    without = {ANSWER_SCORER} - by_name.keys() | (set() if TEXT_DETECTOR in by_name else TEXT_MODELS)
    without |= OWN_EMBEDDING_MODELS if EMBEDDING_ENCODER in by_name else EMBEDDING_MODELS
    for source in sorted(path for path in SOURCE.iterdir() if (path / "config.pbtxt").exists()):
        if source.name in without:
            continue
        model = folder / source.name
        version = model / "1"
        version.mkdir(parents=True, exist_ok=True)  # an ensemble needs an empty one
        config = adapt_config(read_config(config_for(source, by_name)), dimensions, serving, by_name)
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
    for model_name in _READ_SETTINGS:
        _write_json(folder / model_name / "1" / SETTINGS_FILE, settings_to_json(checkpoint.settings))
    for model_name in ("answer_postprocess", "choice_postprocess") if calibration else ():
        _write_json(folder / model_name / "1" / "calibration.json", calibration)


def config_for(model: Path, engines: Collection[str]) -> Path:
    """Choose a model's config: the one in its `configs` that is named after an engine of the build, else the usual."""
    named = [model / "configs" / f"{engine}.pbtxt" for engine in engines]
    return next((file for file in named if file.exists()), model / "config.pbtxt")


def set_parameter(folder: Path, model: str, key: str, value: str) -> None:
    """Change a parameter in a written model's config."""
    file = folder / model / "config.pbtxt"
    config = read_config(file)
    config.parameters[key].string_value = value
    file.write_text(text_format.MessageToString(config, as_utf8=True), encoding="utf-8")


def _write_json(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
