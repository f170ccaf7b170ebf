"""One calibration, from questions with known answers to its file.

Writes `calibration.json`; beside a checkpoint's weights, every build takes it.
"""

import json
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

from builders.calibration.ask import ask_engines
from builders.calibration.fit import fit_calibration
from builders.calibration.labelled import Labelled, draw_questions, questions_in_file
from builders.calibration.options import CalibrationOptions
from builders.checkpoint.checkpoint import Checkpoint, Wishes
from builders.checkpoint.digests import sha256_of_file, write_whole
from builders.checkpoint.load import load_checkpoint
from builders.checkpoint.pins import Pins
from builders.dimensions import BuildDimensions
from builders.engine_spec import ENGINES
from builders.errors import BuildError, UsageError
from builders.parity.forced_rows import opener
from builders.parity.onnx_engine import onnx_engine
from builders.parity.outputs import Engine
from vitrine_steps.calibration import CALIBRATION_FORMAT, FORMAT_REMEDY
from vitrine_steps.file_format import FormatError, require_format
from vitrine_steps.photo.pixels import DRAFT_RATIO, PhotoError

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


def calibrate(options: CalibrationOptions) -> int:
    """Ask, fit, and write the calibration.

    Returns:
        The program's exit status.

    Raises:
        BuildError: the engines or the checkpoint cannot be used; `UsageError` where what was asked for cannot be.
    """
    try:
        manifest = _manifest_of(options.repository)
        if not options.output.parent.is_dir():
            raise UsageError(f"--output {options.output}: there is no folder {options.output.parent}")
        dimensions = BuildDimensions(**manifest["dimensions"])
        checkpoint = _load(options, Wishes(dimensions.image_px, manifest.get("instruction")))
        engines = _open_engines(options.repository, manifest["engines"], dimensions, checkpoint.parts.steps.pad_id)
        if options.data:
            questions: Iterable[Labelled] = questions_in_file(options.data)
            source = {"file": options.data.name, "sha256": sha256_of_file(options.data)}
        else:
            questions, source = draw_questions(options.photos), {"catalogue": f"{options.photos} drawn photos"}
        rows = ask_engines(engines, checkpoint, questions, dimensions, manifest.get("draft_ratio", DRAFT_RATIO))
        content = fit_calibration(
            rows,
            frozenset(checkpoint.settings.cannot_tell()),
            default_risk=options.risk,
            not_understood=frozenset(checkpoint.settings.not_understood()),
        )
        content |= {"answers": dimensions.answers, "source": source}
        content["weights_sha256"] = _weights_sha256(checkpoint)
        write_whole(options.output, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
    except PhotoError as error:  # of --data, for those that are drawn are photos
        raise UsageError(f"--data: {error}") from error
    except OSError as error:
        raise BuildError(str(error)) from error
    print("open questions\n" + risk_table(content))
    print("lists of allowed answers\n" + (risk_table(content["choices"]) if "choices" in content else "  too few"))
    print(f"wrote {options.output}")
    return 0


def _load(options: CalibrationOptions, wishes: Wishes) -> Checkpoint:
    is_pinned = options.revision and options.sha256
    pins = Pins(options.revision, options.sha256, None if is_pinned else options.lock)
    return load_checkpoint(options.checkpoint, pins=pins, wishes=wishes)


def _open_engines(repository: Path, names: Container[str], dimensions: BuildDimensions, pad_id: int) -> list[Engine]:
    opened = opener(lambda name: onnx_engine(repository / name / "1/model.onnx"), names, dimensions, pad_id)
    return [opened(name) for name in ENGINES]


def _manifest_of(repository: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((repository / "manifest.json").read_text("utf-8"))
        has_engines = manifest["target"] == "onnxruntime"
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{repository} is no built repository: name one that python -m builders wrote") from error
    if not has_engines or not all((repository / name / "1/model.onnx").is_file() for name in manifest["engines"]):
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
