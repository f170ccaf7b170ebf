"""The part that all peers share: transformers answers, one question or several at a time."""

import io
import json
from pathlib import Path
from typing import Any, Protocol

import torch
from PIL import Image
from transformers import AutoTokenizer, BlipForQuestionAnswering, BlipImageProcessorPil


class Answerer(Protocol):
    def answers(self, photos: list[bytes], questions: list[str]) -> list[str]:
        """Answer one question about each photo."""
        ...


def answerer_of(
    checkpoint: Path, answer_tokens: int, forced: bool, image_px: int | None = None, *, bf16: bool = False
) -> Answerer:
    """
    Args:
        answer_tokens: of an answer, at most.
        forced: whether every answer has so many, for weights that mean nothing; of a BLIP.
        image_px: side of the square that a chat model sees photos in; None: as its family does it.
        bf16: whether weights and activations are bfloat16; of a BLIP.
    """
    architectures = json.loads((checkpoint / "config.json").read_text("utf-8"))["architectures"]
    if "BlipForQuestionAnswering" in architectures:
        return BlipAnswerer(checkpoint, answer_tokens, forced, bf16=bf16)
    from benchmarks.peers.chat_answering import ChatAnswerer

    return ChatAnswerer.of(checkpoint, answer_tokens, image_px)


class BlipAnswerer:
    """A checkpoint under transformers, with `generate`."""

    def __init__(self, checkpoint: Path, answer_tokens: int, forced: bool, *, bf16: bool = False) -> None:
        """Take what `answerer_of` takes."""
        dtype = torch.bfloat16 if bf16 else torch.float32
        self.model: Any = BlipForQuestionAnswering.from_pretrained(checkpoint, dtype=dtype).eval()
        self.tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint)
        self.image_processor: Any = BlipImageProcessorPil.from_pretrained(checkpoint)
        self.length = {"max_new_tokens": answer_tokens, **({"min_new_tokens": answer_tokens} if forced else {})}

    def answers(self, photos: list[bytes], questions: list[str]) -> list[str]:
        images = [Image.open(io.BytesIO(photo)).convert("RGB") for photo in photos]
        pixels = self.image_processor(images, return_tensors="pt")
        asked = self.tokenizer(questions, return_tensors="pt", padding=True)
        with torch.inference_mode():
            said = self.model.generate(
                pixel_values=pixels["pixel_values"].to(self.model.dtype),
                input_ids=asked.input_ids,
                attention_mask=asked.attention_mask,
                do_sample=False,
                num_beams=1,
                **self.length,
            )
        texts: list[str] = self.tokenizer.batch_decode(said, skip_special_tokens=True)
        return texts
