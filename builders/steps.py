"""The serving steps' own code, loaded from the model repository: parity runs what will be served."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from builders.repository import SOURCE


def _loaded(file: Path) -> ModuleType:
    """Import a step's module, which lies outside any package, as the Python backend does."""
    sys.path.append(str(file.parent))  # where it finds the modules beside it
    spec = importlib.util.spec_from_file_location(f"model_repository.{file.stem}", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


sys.path.append(str(SOURCE))  # where the steps' shared modules find each other
_photo = _loaded(SOURCE / "image_preprocess/1/photo.py")
_question = _loaded(SOURCE / "question_preprocess/1/question.py")
_features = _loaded(SOURCE / "features.py")
_answer = _loaded(SOURCE / "answer_postprocess/1/answer.py")
_candidates = _loaded(SOURCE / "candidates_preprocess/1/candidates.py")
_choice = _loaded(SOURCE / "choice_postprocess/1/choice.py")
_rules = _loaded(SOURCE / "rules.py")
_confidence = sys.modules["confidence"]
_profiles = sys.modules["matrix_profile"]

DRAFT_RATIO = _photo.DRAFT_RATIO
PhotoError = _photo.PhotoError
PhotoLimits = _photo.PhotoLimits
pixels_from_photo = _photo.pixels_from_photo
sha256_of_photo = _photo.sha256_of_photo
ADOBE_RGB_PRIMARIES = _profiles.ADOBE_RGB_PRIMARIES
DISPLAY_P3_PRIMARIES = _profiles.DISPLAY_P3_PRIMARIES
PROPHOTO_PRIMARIES = _profiles.PROPHOTO_PRIMARIES
REC2020_PRIMARIES = _profiles.REC2020_PRIMARIES
gamma_curve = _profiles.gamma_curve
profile_from_tags = _profiles.profile_from_tags
rgb_profile = _profiles.rgb_profile
srgb_curve = _profiles.srgb_curve
TextError = sys.modules["text"].TextError
QuestionLimits = _question.QuestionLimits
ids_from_question = _question.ids_from_question
packed_features = _features.packed_features
Candidate = _confidence.Candidate
candidates_from_decoder = _answer.candidates_from_decoder
RiskPoint = _confidence.RiskPoint
chosen_candidate = _confidence.chosen_candidate
handed_over_anyway = _confidence.handed_over_anyway
doubts = _confidence.doubts
language_of = _confidence.language_of
log_doubt = _confidence.log_doubt
CandidateLimits = _candidates.CandidateLimits
ids_from_candidates = _candidates.ids_from_candidates
RULES_FILE = _rules.FILE
RulesError = _rules.RulesError
read_rules = _rules.read_rules
choice_doubts = _choice.choice_doubts
choice_from_scores = _choice.choice_from_scores
