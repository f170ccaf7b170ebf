"""The steps of a release, each a command that people could run themselves, in their order."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from training.release.options import ReleaseCommand

_PROBED_PHOTOS = 60


@dataclass(frozen=True)
class Step:
    title: str
    command: tuple[str, ...]
    """Arguments of Python."""
    made: Path
    """What is there once the step has succeeded: it is written last, or whole or not at all."""

    @property
    def line(self) -> str:
        return shlex.join(("python", *self.command))


@dataclass(frozen=True)
class Folders:
    """Where a release keeps what it makes."""

    work: Path

    @property
    def checkpoint(self) -> Path:
        return self.work / "checkpoint"

    @property
    def uncalibrated(self) -> Path:
        return self.work / "uncalibrated"

    @property
    def repository(self) -> Path:
        return self.work / "repository"

    @property
    def before(self) -> Path:
        """The release that serves now, where none was named."""
        return self.work / "before"

    def held_out(self, name: str) -> Path:
        """Questions of one part of the split: "calibration", "report", "general-report"."""
        return self.work / "tuning" / f"{name}.jsonl"

    def evaluation(self, name: str) -> Path:
        return self.work / "evaluations" / name


def steps_of(options: ReleaseCommand) -> list[Step]:
    """List what is to be done, done or not."""
    at = Folders(options.work)
    steps = [_tunes(options, at), _builds(options, "build, not calibrated yet", at.checkpoint, at.uncalibrated)]
    calibration = at.checkpoint / "calibration.json"
    steps.append(
        Step(
            "calibrate",
            ("-m", "builders.calibration", str(at.uncalibrated), "--checkpoint", str(at.checkpoint), "--output",
             str(calibration), "--data", str(at.held_out("calibration")), "--risk", str(options.risk)),
            calibration,
        )
    )  # fmt: skip
    own = ("--target", options.target, *(("--rules", str(options.rules)) if options.rules else ()))
    steps.append(_builds(options, "build the release", at.checkpoint, at.repository, *own))
    if options.serving is None:
        steps.append(_builds(options, "build the one to compare with", options.checkpoint, at.before, *own))
    for name, questions in compared(options).items():
        more = ("--probes", str(_PROBED_PHOTOS)) if name == "shop" else ()
        for when, repository in (("before", options.serving or at.before), ("after", at.repository)):
            output = at.evaluation(f"{name}-{when}")
            line = ("-m", "evaluation", str(repository), "--output", str(output), "--data", str(questions), *more)
            steps.append(Step(f"evaluate {name} questions, {when}", line, output / "report.json"))
    return steps


def compared(options: ReleaseCommand) -> dict[str, Path]:
    """Questions that both releases are asked, by name."""
    at = Folders(options.work)
    general = {"general": at.held_out("general-report")} if options.general else {}
    return {"shop": at.held_out("report"), **general}


def _tunes(options: ReleaseCommand, at: Folders) -> Step:
    data = [text for file in options.data for text in ("--data", str(file))]
    replay = [text for file in options.general for text in ("--replay", str(file))]
    line = ("-m", "training", "tune", options.checkpoint, str(at.checkpoint), *data, *replay, "--work",
            str(at.work / "tuning"), *shlex.split(options.tune_options))  # fmt: skip
    return Step("tune", line, at.checkpoint / "config.json")


def _builds(options: ReleaseCommand, title: str, checkpoint: Path | str, output: Path, *more: str) -> Step:
    line = ("-m", "builders", "--checkpoint", str(checkpoint), "--output", str(output), *more,
            *shlex.split(options.build_options))  # fmt: skip
    return Step(title, line, output / "manifest.json")
