"""Options of `python -m evaluation`."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from command_line.values import Argument, Count, File, Folder, Positional, WholeNumber, existing_folder


def _folder(text: str) -> str:
    return str(existing_folder(text))


@dataclass(frozen=True)
class AskedQuestions:
    """What is asked.

    By default, photos and wordings of the catalogue, never trained on.
    """

    questions: Count | None = None
    """How many (default: 2000 drawn, or all of the data)."""
    data: File | None = None
    """JSON Lines of {"photo": PATH, "question": TEXT, "answer": TEXT}."""
    vqa_v2: Annotated[tuple[Path, Path, Path] | None, Argument(metavar=("QUESTIONS", "ANNOTATIONS", "PHOTOS"))] = None
    """Files of the VQA v2 challenge."""
    first_photo: WholeNumber = 20_000
    """Number of the first photo that is drawn."""
    threads: Count = 2
    """Photos asked about at once."""


@dataclass(frozen=True)
class MoreFigures:
    """What else is measured."""

    closed_list_questions: WholeNumber = 0
    """Closed lists, on the photos of N questions."""
    stability: WholeNumber = 0
    """Changed photos and other words, on the photos of N questions."""
    heatmap_photos: WholeNumber = 0
    """Where questions look, on N drawn photos."""
    explanations: WholeNumber = 0
    """How well maps explain an answer (attention, occlusion), on N drawn photos."""
    odd: WholeNumber = 0
    """Short and colloquial questions, and texts that are no question, on N drawn photos."""
    probes: WholeNumber = 0
    """What must not matter (background, skin tone of a hand, language, brand in the question), on N drawn photos."""
    ood_photos: Annotated[str | None, Argument(_folder, "FOLDER", without_value="")] = None
    """Out-of-distribution photos, of what the model knows nothing of: those of a folder, or those that scikit-image
    brings; noise; blank pictures."""
    before_calibration: bool = False
    """How far the decoder's own probabilities could be trusted."""
    reference: WholeNumber = 0
    """Answers to compare with those of transformers."""
    checkpoint: Annotated[str, Argument(metavar="FOLDER")] = "checkpoints/vitrine-small"
    """Checkpoint that transformers loads for that."""


@dataclass(frozen=True)
class EvaluationOptions:
    """Ask questions with known answers through the client, and report how right the answers are, how far their
    confidence can be trusted, and what changes them. Writes report.html and report.json; stopped and started again with
    the same --output, it goes on where it was.

    Examples:
      python -m evaluation build/vitrine-small --output build/evaluation --questions 6006 \\
          --closed-list-questions 3000 --stability 700
      python -m evaluation build/blip-base --output vqa --vqa-v2 v2_questions.json v2_annotations.json val2014/
      python -m evaluation.compare OLD NEW
    """

    repository: Positional[Path]
    """A built repository; served embedded unless --url is given."""
    output: Folder
    """Folder for the report, and to go on in."""
    url: Annotated[str | None, Argument(metavar="HOST:PORT")] = None
    """A server that runs already and serves this repository."""
    asked: AskedQuestions = field(default_factory=AskedQuestions)
    more: MoreFigures = field(default_factory=MoreFigures)

    def __post_init__(self) -> None:
        if self.more.reference and not (Path(self.more.checkpoint) / "config.json").is_file():
            raise ValueError(
                f"--checkpoint: {self.more.checkpoint} is not a folder with a checkpoint, which --reference compares "
                "with"
            )
        if self.asked.vqa_v2 and self.asked.data:
            raise ValueError("--data and --vqa-v2 are two sources: name one of them")

    def settings(self) -> dict[str, Any]:
        """What decides the figures, as JSON takes it: a run goes on only where these are the same."""
        found = {"repository": self.repository, **asdict(self.asked), **asdict(self.more)}
        del found["threads"]
        return {name: _plain(value) for name, value in found.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
