"""What is wrong with labelled data, before weights are fitted to it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from measuring.plain_text import plain
from training.tuning.data import Example, Fault
from training.tuning.split import Part, part_of
from vitrine_steps.photo.pixels import PhotoError, PhotoLimits, pixels_from_photo

_THUMBNAIL_PX = 24
_FREQUENT = 3
_ALIKE_LEVELS = 5.0
"""Photos whose thumbnails differ by so many of 255 levels, root mean square, are taken for one that was saved twice."""
_ONE_PRODUCT = 'give both the same "product"'
_TOO_LONG = "the answer has {count} tokens, but this checkpoint's answers have {most} at most"


@dataclass(frozen=True)
class Checked:
    examples: list[Example]
    """Questions that can be used."""
    faults: list[Fault]
    """Lines that cannot be used."""
    notes: list[Fault]
    """What to look at: photos that are on both sides of the split, and questions that stand twice."""
    new_words: tuple[str, ...]
    """Words of questions and answers that the tokenizer does not know."""


def check_examples(examples: Sequence[Example], faults: Sequence[Fault], checkpoint: Any) -> Checked:
    """Look at every photo, question and answer.

    Args:
        faults: of lines that could not be read.
        checkpoint: a `Checkpoint`, whose tokenizer says which words it does not know.
    """
    good, found, thumbnails = _sorted_out(examples, checkpoint)
    notes = [*_twice(good), *_across_the_split(good, thumbnails)]
    return Checked(good, [*faults, *found], notes, unknown_words(checkpoint, good))


def first_fault(examples: Sequence[Example], faults: Sequence[Fault], checkpoint: Any) -> Fault | None:
    """Name the first line that cannot be used; None: all can."""
    return next(iter(faults), None) or next(iter(_sorted_out(examples, checkpoint)[1]), None)


def _sorted_out(
    examples: Sequence[Example], checkpoint: Any
) -> tuple[list[Example], list[Fault], dict[Path, NDArray[np.float32]]]:
    """
    Returns:
        Examples that can be used, what is wrong with the others, and thumbnails of photos that can be read.
    """
    bad = dict[int, str]()
    thumbnails = dict[Path, NDArray[np.float32]]()
    for photo, numbers in tqdm(_numbers_by_photo(examples).items(), desc="photos", unit="photo", disable=None):
        try:
            thumbnails[photo] = _thumbnail(photo)
        except (PhotoError, OSError) as error:
            bad |= dict.fromkeys(numbers, f"the photo {photo.name} cannot be read: {error}")
    for number, example in enumerate(examples):
        if not example.question.strip():
            bad[number] = "the question is blank"
        elif not all(answer.strip() for answer in example.answers):
            bad[number] = "an answer is blank"
        elif (count := _answer_tokens(checkpoint, example.answers[0])) > checkpoint.parts.answer_tokens:
            bad[number] = _TOO_LONG.format(count=count, most=checkpoint.parts.answer_tokens)
    bad |= _contradictions(examples, set(bad))
    good = [example for number, example in enumerate(examples) if number not in bad]
    return good, [Fault(examples[number].where, reason) for number, reason in sorted(bad.items())], thumbnails


def table_of(examples: Sequence[Example]) -> str:
    """Count examples by language, kind and part, as text."""
    counts = Counter((example.language, example.kind, str(part_of(example.product))) for example in examples)
    parts = get_args(Part)
    lines = [f"  {'language':<10}{'kind':<18}" + "".join(f"{part:>12}" for part in parts) + f"{'answers':>10}"]
    for language, kind in sorted({(language, kind) for language, kind, _ in counts}):
        answers = {_same(e.answers[0]) for e in examples if (e.language, e.kind) == (language, kind)}
        row = "".join(f"{counts[language, kind, part]:>12}" for part in parts)
        lines.append(f"  {language:<10}{kind:<18}{row}{len(answers):>10}")
    return "\n".join(lines)


def unknown_words(checkpoint: Any, examples: Iterable[Example]) -> tuple[str, ...]:
    """List words that the tokenizer does not know: all of answers, and those of questions that come often."""
    unknown = checkpoint.parts.steps.unknown_id
    if unknown is None:
        return ()
    backend, found, said = checkpoint.tokenizer.backend_tokenizer, Counter[str](), set[str]()
    for example in examples:
        for text in (example.question, example.answers[0]):
            encoding = backend.encode(text, add_special_tokens=False)
            for token, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
                if token == unknown:
                    word = backend.normalizer.normalize_str(text[start:end]).strip()
                    found[word] += 1
                    said |= {word} if text == example.answers[0] else set()
    return tuple(word for word, count in found.most_common() if word and (word in said or count >= _FREQUENT))


def _same(text: str) -> str:
    """What is left of a text without case, spaces and the mark of a question."""
    return plain(text).casefold().rstrip("?")


def _answer_tokens(checkpoint: Any, answer: str) -> int:
    return len(checkpoint.tokenizer.backend_tokenizer.encode(answer, add_special_tokens=False).ids) + 1


def _numbers_by_photo(examples: Sequence[Example]) -> dict[Path, list[int]]:
    numbers: dict[Path, list[int]] = defaultdict(list)
    for number, example in enumerate(examples):
        numbers[example.photo].append(number)
    return numbers


def _contradictions(examples: Sequence[Example], bad: set[int]) -> dict[int, str]:
    """Find questions about one photo that have another answer at another place, those that are bad left out."""
    asked: dict[tuple[Path, str], list[int]] = defaultdict(list)
    for number, example in enumerate(examples):
        if number not in bad:
            asked[example.photo, _same(example.question)].append(number)
    found = dict[int, str]()
    for numbers in asked.values():
        if not set.intersection(*({_same(answer) for answer in examples[n].answers} for n in numbers)):
            others = ", ".join(sorted({examples[n].where for n in numbers}))
            found |= dict.fromkeys(numbers, f"the same question about the same photo has another answer: {others}")
    return found


def _twice(examples: Sequence[Example]) -> list[Fault]:
    first: dict[tuple[Path, str], str] = {}
    found = []
    for example in examples:
        key = (example.photo, _same(example.question))
        if key in first:
            found.append(Fault(example.where, f"stands in {first[key]} already"))
        first.setdefault(key, example.where)
    return found


def _across_the_split(examples: Sequence[Example], thumbnails: dict[Path, NDArray[np.float32]]) -> list[Fault]:
    """Find photos that look alike, of products on different sides."""
    by_photo = {example.photo: example for example in examples}
    products: dict[Path, set[Part]] = defaultdict(set)
    for example in examples:
        products[example.photo].add(part_of(example.product))
    photos = list(by_photo)
    if not photos:
        return []
    rows = np.stack([thumbnails[photo] for photo in photos])
    parts = np.array([part_of(by_photo[photo].product) for photo in photos])
    found = [Fault(by_photo[photo].where, f"{photo.name} is of products in {len(of)} parts: {_ONE_PRODUCT}")
             for photo, of in products.items() if len(of) > 1]  # fmt: skip
    for number, photo in enumerate(photos):
        differences = np.sqrt(((rows[:number] - rows[number]) ** 2).mean(1))
        for other in np.flatnonzero((differences <= _ALIKE_LEVELS) & (parts[:number] != parts[number])):
            example, twin = by_photo[photo], by_photo[photos[other]]
            found.append(
                Fault(
                    example.where,
                    f"{photo.name} looks like {twin.photo.name} ({twin.where}), but one is in the {parts[number]} part "
                    f"and the other in the {parts[other]} part: {_ONE_PRODUCT}",
                )
            )
    return found


def _thumbnail(photo: Path) -> NDArray[np.float32]:
    """Shrink a photo to 24 by 24 pixels, [1728]."""
    pixels = pixels_from_photo(photo.read_bytes(), side_px=_THUMBNAIL_PX, limits=PhotoLimits())
    return pixels.astype(np.float32).ravel()
