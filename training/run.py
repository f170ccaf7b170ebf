"""Training, from drawn photos to the checkpoint's folder."""

import json
from pathlib import Path
from typing import Any

import torch
from transformers import BlipImageProcessorPil, BlipProcessor

from builders.checkpoint.pins import write_sums
from catalogue.attributes import LANGUAGES
from catalogue.no_questions import NOT_UNDERSTOOD
from catalogue.wordings import CANNOT_TELL
from training.loop import TrainingOptions, train
from training.model import IMAGE_PX, extended_model
from training.options import BundledCommand
from training.plot import plot_history
from training.render import rendered_outliers, rendered_photos
from training.tokenizer import new_tokenizer, spelling

OUTLIERS = 4_000


def train_checkpoint(command: BundledCommand) -> int:
    """Draw the photos, train, and write the checkpoint. Returns the exit status."""
    device = command.device or ("cuda" if torch.cuda.is_available() else "cpu")
    photos_folder = command.work / "photos"
    test_photos = rendered_photos(photos_folder, "test", 500, workers=command.workers)
    train_photos = rendered_photos(photos_folder, "train", command.photos, workers=command.workers)
    start = extended_model(command.start, new_tokenizer()) if command.start else None
    # On a CPU the training itself takes all cores.
    workers = command.workers if device == "cuda" else 0
    options = TrainingOptions(steps=command.steps, text_steps=command.text_steps, device=device, workers=workers)
    model = train(train_photos, test_photos, rendered_outliers(OUTLIERS), command.work, options, start)
    write_checkpoint(model, command.checkpoint, pointing_heads=_pointing_heads(command.start))
    plot_history(command.work / "history.jsonl", command.checkpoint / "training.png")
    print(f"checkpoint in {command.checkpoint}")
    return 0


def _pointing_heads(start: Path | None) -> list[list[int]] | None:
    """Return the heads that show where a question looks, as chosen for the checkpoint to go on from."""
    if start is None or not (start / "vitrine.json").exists():
        return None
    heads: list[list[int]] | None = json.loads((start / "vitrine.json").read_text("utf-8")).get("pointing_heads")
    return heads


def write_checkpoint(model: Any, folder: Path, *, pointing_heads: list[list[int]] | None = None) -> None:
    """Write weights, tokenizer, image processor and Vitrine's own settings to `folder`."""
    model.generation_config.max_new_tokens = 8
    model.save_pretrained(folder)
    BlipProcessor(BlipImageProcessorPil(size={"height": IMAGE_PX, "width": IMAGE_PX}), new_tokenizer()).save_pretrained(
        folder
    )
    write_sums(folder)
    settings: dict[str, Any] = {
        "format": 1,
        "cannot_tell_answers": {language: [CANNOT_TELL[language]] for language in LANGUAGES},
        "not_understood_answers": {language: [NOT_UNDERSTOOD[language]] for language in LANGUAGES},
        "answer_spelling": spelling(),
    }
    if pointing_heads:
        settings["pointing_heads"] = pointing_heads
    (folder / "vitrine.json").write_text(json.dumps(settings, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
