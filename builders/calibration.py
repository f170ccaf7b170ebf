"""`python -m builders.calibration`: fit how sure a checkpoint's answers are, on questions with known answers.

Writes `calibration.json`; beside a checkpoint's weights, every build takes it.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from builders.checkpoint import Checkpoint, load_checkpoint
from builders.errors import BuildError
from builders.files import sha256_of_file
from builders.labelled import Labelled, drawn_questions, questions_in_file
from builders.onnx_engine import onnx_engine
from builders.parity import Engine, encoded_photo, question_tensors
from builders.steps import Candidate, RiskPoint, candidates_from_decoder, chosen_candidate, doubts, language_of

FILE = "calibration.json"
RISKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
LEAST_QUESTIONS = 500
MAX_WRONG_REFUSALS = 0.002
"""Share of the questions that a photo does answer, and that may be refused for a lower threshold of refusal."""
_REFUSAL_THRESHOLDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)


@dataclass(frozen=True)
class Asked:
    """One labelled question, asked."""

    candidates: list[Candidate]
    language: str
    right: tuple[bool, ...]
    """Of each candidate."""
    unanswerable: bool
    """Whether "cannot tell" is the right answer."""


def asked(
    image_encoder: Engine,
    answer_decoder: Engine,
    checkpoint: Checkpoint,
    questions: Iterable[Labelled],
    *,
    question_tokens: int,
) -> list[Asked]:
    tokenizer = checkpoint.tokenizer.backend_tokenizer
    cannot_tell = cannot_tell_texts(checkpoint)
    rows, photo, features = [], None, np.empty(0)
    for question in tqdm(questions, desc="calibration", unit="question", leave=False, disable=None):
        if question.photo != photo:
            photo = question.photo
            features = encoded_photo(image_encoder, checkpoint, photo)["IMAGE_FEATURES"]
        decoded = answer_decoder(
            {"IMAGE_FEATURES": features, **question_tensors(checkpoint, question.question, question_tokens)}
        )
        candidates = candidates_from_decoder(decoded["ANSWER_IDS"][0], decoded["ANSWER_LOGPROBS"][0], tokenizer)
        rows.append(
            Asked(
                candidates,
                language_of(question.question),
                tuple(question.is_right(c.text) for c in candidates),
                any(answer in cannot_tell for answer in question.answers),
            )
        )
    return rows


def cannot_tell_texts(checkpoint: Checkpoint) -> frozenset[str]:
    return frozenset(text for texts in checkpoint.cannot_tell_answers.values() for text in texts)


def fitted(rows: Sequence[Asked], cannot_tell: frozenset[str], *, default_risk: float) -> dict[str, Any]:
    """The contents of `calibration.json`, but for where its data came from.

    A logistic regression from `doubts` to whether the answer was right; a
    threshold of refusal; and per language, from the risk-coverage curve, the
    lowest threshold of confidence that keeps each risk.

    Raises:
        BuildError: too few questions, or all answers right, or all wrong.
    """
    if len(rows) < LEAST_QUESTIONS:
        raise BuildError(f"{len(rows)} labelled questions came, but a calibration needs {LEAST_QUESTIONS} at least")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    refusal = _refusal_threshold(rows, cannot_tell)
    chosen = [chosen_candidate(row.candidates, cannot_tell, refusal) for row in rows]
    inputs = np.stack([doubts(row.candidates, index) for row, index in zip(rows, chosen, strict=True)])
    right = np.array([row.right[index] for row, index in zip(rows, chosen, strict=True)])
    if right.all() or not right.any():
        raise BuildError(f"all {len(rows)} answers are {'right' if right.all() else 'wrong'}: nothing to calibrate on")
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(inputs, right)
    confidence = pipeline.predict_proba(inputs)[:, 1]
    scaler, regression = pipeline[0], pipeline[1]
    weights = regression.coef_[0] / scaler.scale_
    refused = np.array(
        [row.candidates[index].text in cannot_tell for row, index in zip(rows, chosen, strict=True)], dtype=bool
    )
    languages = np.array([row.language for row in rows])
    risks = {
        language: [asdict(p) for p in _risk_points(confidence[of], right[of], refused[of])]
        for language in ("en", "zh")
        if (of := languages == language).any()
    }
    return {
        "method": f"logistic regression, scikit-learn {version('scikit-learn')}",
        "questions": len(rows),
        "answers": max(len(row.right) for row in rows),
        "weights": weights.tolist(),
        "bias": float(regression.intercept_[0] - np.dot(weights, scaler.mean_)),
        "cannot_tell_threshold": refusal,
        "default_risk": default_risk,
        # A language that the data lacks is held to the other's thresholds.
        "risks": {language: risks.get(language, next(iter(risks.values()))) for language in ("en", "zh")},
    }


def _refusal_threshold(rows: Sequence[Asked], cannot_tell: frozenset[str]) -> float:
    """The lowest at which few answerable questions are refused."""
    likely = np.array([sum(c.probability for c in row.candidates if c.text in cannot_tell) for row in rows])
    answerable = np.array([not row.unanswerable for row in rows])
    for threshold in _REFUSAL_THRESHOLDS:
        if (likely[answerable] >= threshold).mean() <= MAX_WRONG_REFUSALS:
            return threshold
    return _REFUSAL_THRESHOLDS[-1]


def _risk_points(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], refused: NDArray[np.bool_]
) -> list[RiskPoint]:
    """For each risk, the lowest threshold at which no more of the given answers are wrong."""
    order = np.argsort(-confidence[~refused])
    sorted_confidence = confidence[~refused][order]
    risk = np.cumsum(~right[~refused][order]) / np.arange(1, len(order) + 1)
    points = []
    for asked_risk in RISKS:
        kept = np.flatnonzero(risk <= asked_risk)
        given = int(kept[-1]) + 1 if len(kept) else 0
        threshold = float(sorted_confidence[given - 1]) if given else 2.0
        points.append(RiskPoint(asked_risk, threshold, float((given + refused.sum()) / len(confidence))))
    return points


def calibration_for(checkpoint: Checkpoint, answers: int) -> dict[str, Any] | None:
    """The calibration that lies beside a checkpoint's weights, if it is theirs.

    Raises:
        BuildError: it was fitted on other weights.
    """
    file = checkpoint.folder / FILE
    if not file.exists():
        return None
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if content["weights_sha256"] != _weights_sha256(checkpoint):
        raise BuildError(f"{file} was fitted on other weights: fit it again with python -m builders.calibration")
    return content if content["answers"] == answers else None


def _weights_sha256(checkpoint: Checkpoint) -> dict[str, str]:
    return {name: sha for name, sha in checkpoint.sha256.items() if name.endswith(".safetensors")}


def main() -> int:
    args = _parser().parse_args()
    try:
        checkpoint = load_checkpoint(args.checkpoint, revision=args.revision)
        manifest = json.loads((args.repository / "manifest.json").read_text("utf-8"))
        engines = [onnx_engine(args.repository / name / "1/model.onnx") for name in ("image_encoder", "answer_decoder")]
        if args.data:
            questions: Iterable[Labelled] = questions_in_file(args.data)
            source = {"file": args.data.name, "sha256": sha256_of_file(args.data)}
        else:
            questions, source = drawn_questions(args.photos), {"catalogue": f"{args.photos} drawn photos"}
        tokens = manifest["dimensions"]["question_tokens"]
        rows = asked(engines[0], engines[1], checkpoint, questions, question_tokens=tokens)
        content = fitted(rows, cannot_tell_texts(checkpoint), default_risk=args.risk)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    content |= {"answers": manifest["dimensions"]["answers"], "source": source}
    content["weights_sha256"] = _weights_sha256(checkpoint)
    args.output.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"fitted on {len(rows)} questions; cannot-tell threshold {content['cannot_tell_threshold']:g}")
    print(f"{'risk':>8}{'threshold, en':>16}{'coverage':>10}{'threshold, zh':>16}{'coverage':>10}")
    for en, zh in zip(content["risks"]["en"], content["risks"]["zh"], strict=True):
        print(f"{en['risk']:>8.1%}", end="")
        for point in (en, zh):
            print(f"{point['threshold']:>16.4f}{point['coverage']:>10.1%}", end="")
        print("   <- default" if en["risk"] == args.risk else "")
    print(f"wrote {args.output}")
    return 0


def _risk(text: str) -> float:
    risk = float(text)
    if risk not in RISKS:
        raise argparse.ArgumentTypeError(f"{text} came, but one of {', '.join(str(r) for r in RISKS)} is expected")
    return risk


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m builders.calibration",
        description="Fit how sure a checkpoint's answers are, on questions with known answers: confidence that is a "
        "probability, and thresholds that keep a stated share of wrong answers. Writes a file that, beside the "
        "checkpoint's weights, every build of it takes along.",
        epilog="example: python -m builders.calibration build/blip-base --checkpoint ./blip-base --data shop.jsonl "
        "--output ./blip-base/calibration.json",
    )
    parser.add_argument("repository", type=Path, help="built from the checkpoint with --target onnxruntime")
    parser.add_argument("--checkpoint", required=True, metavar="PATH_OR_HUB_ID", help="what it was built from")
    parser.add_argument("--revision", help="commit of the hub's checkpoint")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help='JSON Lines of {"photo": PATH, "question": TEXT, "answer": TEXT} (default: drawn by catalogue/)',
    )
    parser.add_argument("--photos", type=int, default=900, metavar="N", help="to draw, 7 questions each (default: 900)")
    parser.add_argument(
        "--risk", type=_risk, default=0.01, metavar="SHARE", help="of given answers that may be wrong (default: 0.01)"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="calibration.json to write")
    return parser


if __name__ == "__main__":
    sys.exit(main())
