"""`python -m builders.calibration`: fit how sure a checkpoint's answers are, on questions with known answers.

Writes `calibration.json`; beside a checkpoint's weights, every build takes it.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from builders.calibration.ask import asked, cannot_tell_texts, not_understood_texts
from builders.calibration.fit import RISKS, fitted
from builders.calibration.labelled import Labelled, drawn_questions, questions_in_file
from builders.checkpoint.digests import sha256_of_file
from builders.checkpoint.load import Checkpoint, load_checkpoint
from builders.errors import BuildError, UsageError
from builders.parity.onnx_engine import onnx_engine
from builders.repository.configs import ENGINES
from vitrine_steps.calibration import CALIBRATION_FORMAT, FORMAT_REMEDY
from vitrine_steps.file_format import FormatError, require_format
from vitrine_steps.photo.pixels import PhotoError

FILE = "calibration.json"


def calibration_for(checkpoint: Checkpoint, answers: int) -> dict[str, Any] | None:
    """The calibration that lies beside a checkpoint's weights, if it is theirs.

    Raises:
        UsageError: it was fitted on other weights, is of another format, or is broken.
    """
    file = checkpoint.folder / FILE
    if not file.exists():
        return None
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        require_format(content, CALIBRATION_FORMAT, file=file, remedy=FORMAT_REMEDY)
        weights, answered = content["weights_sha256"], content["answers"]
    except FormatError as error:
        raise UsageError(str(error)) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{file} is no calibration ({type(error).__name__}: {error}): remove it, or fit it with python -m "
            "builders.calibration.calibrate"
        ) from error
    if weights != _weights_sha256(checkpoint):
        raise UsageError(f"{file} was fitted on other weights: fit it again with python -m builders.calibration")
    return content if answered == answers else None


def _weights_sha256(checkpoint: Checkpoint) -> dict[str, str]:
    return {name: sha for name, sha in checkpoint.sha256.items() if name.endswith(".safetensors")}


def main() -> int:
    args = _parser().parse_args()
    try:
        manifest = _manifest_of(args.repository)
        if not args.output.parent.is_dir():
            raise UsageError(f"--output {args.output}: there is no folder {args.output.parent}")
        checkpoint = load_checkpoint(args.checkpoint, revision=args.revision, sha256=args.sha256)
        engines = [onnx_engine(args.repository / name / "1/model.onnx") for name in ENGINES]
        if args.data:
            questions: Iterable[Labelled] = questions_in_file(args.data)
            source = {"file": args.data.name, "sha256": sha256_of_file(args.data)}
        else:
            questions, source = drawn_questions(args.photos), {"catalogue": f"{args.photos} drawn photos"}
        tokens = manifest["dimensions"]["question_tokens"]
        rows = asked(engines, checkpoint, questions, question_tokens=tokens)
        content = fitted(
            rows,
            cannot_tell_texts(checkpoint),
            default_risk=args.risk,
            not_understood=not_understood_texts(checkpoint),
        )
        content |= {"answers": manifest["dimensions"]["answers"], "source": source}
        content["weights_sha256"] = _weights_sha256(checkpoint)
        args.output.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except PhotoError as error:  # of --data, for those that are drawn are photos
        print(f"error: --data: {error}", file=sys.stderr)
        return UsageError.exit_status
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return BuildError.exit_status
    print("open questions\n" + risk_table(content))
    print("lists of allowed answers\n" + (risk_table(content["choices"]) if "choices" in content else "  too few"))
    print(f"wrote {args.output}")
    return 0


def _manifest_of(repository: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((repository / "manifest.json").read_text("utf-8"))
        has_engines = manifest["target"] == "onnxruntime"
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{repository} is no built repository: name one that python -m builders wrote") from error
    if not has_engines or not all((repository / name / "1/model.onnx").is_file() for name in ENGINES):
        raise UsageError(f"{repository} has no engines of ONNX Runtime: build it with --target onnxruntime")
    return manifest


def risk_table(content: dict[str, Any]) -> str:
    """Thresholds and coverage per risk and language, as text."""
    lines = [
        f"  fitted on {content['questions']} questions; cannot-tell threshold {content['cannot_tell_threshold']:g}",
        f"{'risk':>8}{'threshold, en':>15} / refusal{'coverage':>9}{'threshold, zh':>15} / refusal{'coverage':>9}",
    ]
    for en, zh in zip(content["risks"]["en"], content["risks"]["zh"], strict=True):
        points = "".join(
            f"{point['threshold']:>14.4f} / {point['refusal_threshold']:.4f}{point['coverage']:>10.1%}"
            for point in (en, zh)
        )
        chosen = "   <- default" if en["risk"] == content["default_risk"] else ""
        lines.append(f"{en['risk']:>8.1%}{points}{chosen}")
    return "\n".join(lines)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} came, but a whole number, at least 1, is expected")
    return int(text)


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
    parser.add_argument("--revision", metavar="COMMIT", help="of the hub's checkpoint; needed there")
    parser.add_argument(
        "--sha256", action="append", default=[], metavar="HEX", help="of its weights; needed for the hub's checkpoint"
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help='JSON Lines of {"photo": PATH, "question": TEXT, "answer": TEXT}, and "candidates": [TEXT, ...] where '
        "a list belongs to the question (default: drawn by catalogue/)",
    )
    parser.add_argument(
        "--photos", type=_count, default=900, metavar="N", help="to draw, 10 questions each (default: 900)"
    )
    parser.add_argument(
        "--risk", type=_risk, default=0.01, metavar="SHARE", help="of given answers that may be wrong (default: 0.01)"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="calibration.json to write")
    return parser
