"""The serving steps' own code, loaded from the model repository: parity runs what will be served."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from builders.repository import SOURCE


def _loaded(file: Path) -> ModuleType:
    """Import a step's module, which lies outside any package, as the Python backend does."""
    spec = importlib.util.spec_from_file_location(f"model_repository.{file.stem}", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


_photo = _loaded(SOURCE / "image_preprocess/1/photo.py")
_question = _loaded(SOURCE / "question_preprocess/1/question.py")
_features = _loaded(SOURCE / "features.py")
_answer = _loaded(SOURCE / "answer_postprocess/1/answer.py")
sys.modules["answer"] = _answer  # as its sibling finds it
_confidence = _loaded(SOURCE / "answer_postprocess/1/confidence.py")

PhotoError = _photo.PhotoError
PhotoLimits = _photo.PhotoLimits
pixels_from_photo = _photo.pixels_from_photo
sha256_of_photo = _photo.sha256_of_photo
QuestionError = _question.QuestionError
QuestionLimits = _question.QuestionLimits
ids_from_question = _question.ids_from_question
packed_features = _features.packed_features
Candidate = _answer.Candidate
candidates_from_decoder = _answer.candidates_from_decoder
RiskPoint = _confidence.RiskPoint
chosen_candidate = _confidence.chosen_candidate
doubts = _confidence.doubts
language_of = _confidence.language_of
