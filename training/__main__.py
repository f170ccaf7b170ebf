"""`python -m training`: train a checkpoint on the catalogue."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import BlipImageProcessorPil, BlipProcessor

from builders.checkpoint.digests import sha256_of_file
from builders.checkpoint.pins import SUMS
from catalogue.attributes import LANGUAGES
from catalogue.no_questions import NOT_UNDERSTOOD
from catalogue.wordings import CANNOT_TELL
from training.loop import TrainingOptions, train
from training.model import IMAGE_PX, extended_model
from training.plot import plot_history
from training.render import rendered_outliers, rendered_photos
from training.tokenizer import new_tokenizer, spelling

OUTLIERS = 4_000


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training",
        description="Draw the training photos, train a small BLIP from scratch and write it as a checkpoint in the "
        "transformers format. Stopped and started again with the same --work folder, it goes on where it was.",
        epilog="example: python -m training checkpoints/mine --steps 6000 --photos 20000",
    )
    parser.add_argument("checkpoint", type=Path, help="folder to write the checkpoint to")
    parser.add_argument(
        "--steps",
        type=int,
        default=19_500,
        help="optimiser steps (default: 19500, the last 1500 of the text alone; 100 minutes on 2 cores)",
    )
    parser.add_argument("--photos", type=int, default=40_000, help="different training photos (default: 40000)")
    parser.add_argument(
        "--work", type=Path, default=Path("runs/training"), help="state, history and photos (default: runs/training)"
    )
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="processes that draw photos (default: all cores)"
    )
    parser.add_argument(
        "--from",
        dest="start",
        type=Path,
        metavar="CHECKPOINT",
        help="go on from a checkpoint of this command: all steps train the text alone, with the words of today",
    )
    parser.add_argument(
        "--device",
        default="cuda" if torch.cuda.is_available() else "cpu",
        help='"cpu" or "cuda" (default: the GPU where there is one)',
    )
    args = parser.parse_args()
    text_steps = args.steps if args.start else TrainingOptions.text_steps
    if args.photos < 1 or args.workers < 1 or args.steps < max(1, text_steps):
        parser.error(f"--photos and --workers must be at least 1, --steps {max(1, text_steps)}")
    if args.start and not (args.start / "config.json").is_file():
        parser.error(f"--from: {args.start} has no config.json: name the folder of a checkpoint")
    for folder in (args.checkpoint, args.work):
        if folder.exists() and not folder.is_dir():
            parser.error(f"{folder} is a file, but a folder is expected")
    photos_folder = args.work / "photos"
    test_photos = rendered_photos(photos_folder, "test", 500, workers=args.workers)
    train_photos = rendered_photos(photos_folder, "train", args.photos, workers=args.workers)
    start = extended_model(args.start, new_tokenizer()) if args.start else None
    # On a CPU the training itself takes all cores.
    workers = args.workers if args.device == "cuda" else 0
    options = TrainingOptions(steps=args.steps, text_steps=text_steps, device=args.device, workers=workers)
    model = train(train_photos, test_photos, rendered_outliers(OUTLIERS), args.work, options, start)
    write_checkpoint(model, args.checkpoint, pointing_heads=_pointing_heads(args.start))
    plot_history(args.work / "history.jsonl", args.checkpoint / "training.png")
    print(f"checkpoint in {args.checkpoint}")
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
    weights = [f"{sha256_of_file(file)}  {file.name}\n" for file in sorted(folder.glob("*.safetensors"))]
    (folder / SUMS).write_text("".join(weights), encoding="utf-8")
    settings: dict[str, Any] = {
        "cannot_tell_answers": {language: [CANNOT_TELL[language]] for language in LANGUAGES},
        "not_understood_answers": {language: [NOT_UNDERSTOOD[language]] for language in LANGUAGES},
        "answer_spelling": spelling(),
    }
    if pointing_heads:
        settings["pointing_heads"] = pointing_heads
    (folder / "vitrine.json").write_text(json.dumps(settings, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
