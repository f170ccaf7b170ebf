"""A chat model under transformers: the peers' answers, and those that ours are timed against."""

from pathlib import Path
from typing import Any

import torch
from PIL import Image

from builders.checkpoint.checkpoint import Checkpoint, Wishes
from builders.checkpoint.load import load_checkpoint
from vitrine_steps.photo.pixels import PhotoLimits, pixels_from_photo


class ChatAnswerer:
    """A checkpoint with `generate`, given the same square photos and the same prompt as our engines."""

    def __init__(self, checkpoint: Checkpoint, answer_tokens: int) -> None:
        """
        Args:
            answer_tokens: of an answer, at most.
        """
        self.checkpoint, self.answer_tokens = checkpoint, answer_tokens

    @staticmethod
    def of(folder: Path, answer_tokens: int, image_px: int | None) -> "ChatAnswerer":
        """
        Args:
            image_px: side of the square that photos come into; None: as the family does it.
        """
        return ChatAnswerer(load_checkpoint(str(folder), wishes=Wishes(image_px)), answer_tokens)

    def answers(self, photos: list[bytes], questions: list[str]) -> list[str]:
        tokenizer = self.checkpoint.tokenizer
        texts: list[str] = tokenizer.batch_decode(self.ids(photos, questions), skip_special_tokens=True)
        return texts

    @torch.inference_mode()
    def ids(self, photos: list[bytes], questions: list[str]) -> list[list[int]]:
        """Answer one question about each photo, in one batch, padded in front: token ids."""
        parts, model = self.checkpoint.parts, self.checkpoint.model
        inputs = self._photo_inputs(photos)
        rows = [self._prompt_ids(question) for question in questions]
        longest = max(map(len, rows))
        ids = torch.tensor([[parts.steps.pad_id] * (longest - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
        if "image_grid_thw" in inputs:  # without token types such a model falls back to plain positions
            inputs["mm_token_type_ids"] = (ids == model.config.image_token_id).int()
        said = model.generate(
            input_ids=ids, attention_mask=mask, **inputs, max_new_tokens=self.answer_tokens, do_sample=False,
            repetition_penalty=1.0, pad_token_id=parts.steps.pad_id,
        )  # fmt: skip
        found: list[list[int]] = said[:, longest:].tolist()
        return found

    def _photo_inputs(self, photos: list[bytes]) -> dict[str, torch.Tensor]:
        parts, processor = self.checkpoint.parts, self.checkpoint.parts.image_processor
        tiles = ("crop_to_patches", "do_image_splitting")
        as_it_is = {"do_resize": False} | {name: False for name in tiles if hasattr(processor, name)}
        squares = [
            pixels_from_photo(
                photo, side_px=parts.image_px, limits=PhotoLimits(), draft_ratio=None, fit=parts.steps.photo_fit
            )
            for photo in photos
        ]
        seen: Any = processor([Image.fromarray(square) for square in squares], return_tensors="pt", **as_it_is)
        return {name: seen[name] for name in ("pixel_values", "image_grid_thw") if name in seen}

    def _prompt_ids(self, question: str) -> list[int]:
        prompt = self.checkpoint.parts.prompt
        assert prompt
        asked = self.checkpoint.tokenizer.backend_tokenizer.encode(question, add_special_tokens=False).ids
        return [*prompt.prefix_ids, *asked, *prompt.suffix_ids]
