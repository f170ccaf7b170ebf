"""Data to tune on: read in every format that is named, checked line by line, split by product."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from builders.checkpoint.load import load_checkpoint
from training.tuning.check import check_examples, table_of
from training.tuning.data import Example, read_examples
from training.tuning.parts import parts_of
from training.tuning.split import part_of, split_examples

ROOT = Path(__file__).parents[2]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number, colour in enumerate(("red", "green", "blue")):
        Image.effect_noise((64, 64), 80 + number).convert("RGB").save(tmp_path / f"{colour}.png")
    return tmp_path


def written(folder: Path, rows: list[Any], name: str = "data.jsonl") -> Path:
    file = folder / name
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return file


@pytest.fixture(scope="module")
def bundled() -> Any:
    return load_checkpoint(str(ROOT / "checkpoints" / "vitrine-small"))


def test_rows_and_dialogues_say_the_same(photos: Path) -> None:
    asked, said = "是什么颜色？", "红色"
    rows = [
        {"photo": "red.png", "question": asked, "answer": said, "product": "p"},
        {
            "product": "p",
            "messages": [
                {"role": "system", "content": "You help in a shop."},
                {"role": "user", "content": [{"type": "image", "path": "red.png"}, {"type": "text", "text": asked}]},
                {"role": "assistant", "content": [{"type": "text", "text": said}]},
            ],
        },
        {
            "product": "p",
            "images": ["red.png"],
            "messages": [{"role": "user", "content": f"<image>{asked}"}, {"role": "assistant", "content": said}],
        },
        {
            "product": "p",
            "images": ["red.png"],
            "conversations": [{"from": "human", "value": f"<image>\n{asked}"}, {"from": "gpt", "value": said}],
        },
    ]
    examples, faults = read_examples([written(photos, rows)])
    assert not faults
    assert {(e.photo, e.question, e.answers, e.product, e.language) for e in examples} == {
        (photos / "red.png", asked, (said,), "p", "zh")
    }
    assert len(examples) == 4
    listed = photos / "list.json"
    listed.write_text(json.dumps(rows), "utf-8")
    again, _ = read_examples([listed])
    assert [e.question for e in again] == [asked] * 4
    assert again[0].where == f"{listed}, entry 1"


def test_later_questions_of_a_dialogue_are_about_the_same_photo(photos: Path) -> None:
    turns = [("user", "<image>What colour is it?"), ("assistant", "red"), ("user", "Is it a mug?"), ("assistant", "no")]
    row = {"images": ["red.png"], "messages": [{"role": role, "content": text} for role, text in turns]}
    examples, _ = read_examples([written(photos, [row])])
    assert [(e.photo.name, e.question, e.answers) for e in examples] == [
        ("red.png", "What colour is it?", ("red",)),
        ("red.png", "Is it a mug?", ("no",)),
    ]


def test_lines_that_cannot_be_read_are_named_and_the_others_kept(photos: Path) -> None:
    file = photos / "data.jsonl"
    good = json.dumps({"photo": "red.png", "question": "what is it?", "answer": "mug"})
    dialogue = json.dumps({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]})
    file.write_text(
        "\n".join([good, "{", '{"photo": "no.png", "question": "q", "answer": "a"}', "7", dialogue]), "utf-8"
    )
    examples, faults = read_examples([file])
    assert len(examples) == 1
    assert [fault.where.rpartition(", ")[2] for fault in faults] == ["line 2", "line 3", "line 4", "line 5"]
    assert "there is no photo" in faults[1].reason
    assert "an answer about no photo" in faults[3].reason


def test_faults_of_the_data_are_found(photos: Path, bundled: Any) -> None:
    (photos / "broken.jpg").write_bytes(b"no photo")
    rows = [
        {"photo": "red.png", "question": "what colour is it?", "answer": "red"},
        {"photo": "red.png", "question": "What colour is it ?", "answer": "blue"},
        {"photo": "green.png", "question": " ", "answer": "green"},
        {"photo": "green.png", "question": "是什么？", "answer": ""},
        {"photo": "broken.jpg", "question": "what is it?", "answer": "mug"},
        {"photo": "blue.png", "question": "what is it?", "answer": " ".join(["mug"] * 40)},
        {"photo": "blue.png", "question": "what is it?", "answer": "mug"},
        {"photo": "blue.png", "question": "what is it", "answer": "mug"},
    ]
    checked = check_examples(*read_examples([written(photos, rows)]), bundled)
    reasons = {fault.where.rpartition("line ")[2]: fault.reason for fault in checked.faults}
    assert sorted(reasons) == ["1", "2", "3", "4", "5", "6"]
    assert "another answer" in reasons["1"] == reasons["2"]
    assert reasons["3"] == "the question is blank"
    assert reasons["4"] == "an answer is blank"
    assert "cannot be read" in reasons["5"]
    assert "40" not in reasons["6"]
    assert "41 tokens" in reasons["6"]
    assert [e.where.rpartition("line ")[2] for e in checked.examples] == ["7", "8"]
    assert "stands in" in checked.notes[0].reason
    assert "any" in table_of(checked.examples)


def test_photos_that_look_alike_on_both_sides_are_told(photos: Path, bundled: Any) -> None:
    names = [f"product {n}" for n in range(60)]
    here = next(name for name in names if part_of(name) == "train")
    there = next(name for name in names if part_of(name) == "report")
    Image.open(photos / "red.png").save(photos / "copy.jpg", quality=70)
    rows = [
        {"photo": "red.png", "question": "what is it?", "answer": "mug", "product": here},
        {"photo": "copy.jpg", "question": "what is it?", "answer": "mug", "product": there},
        {"photo": "blue.png", "question": "what is it?", "answer": "mug", "product": there},
    ]
    checked = check_examples(*read_examples([written(photos, rows)]), bundled)
    assert len(checked.notes) == 1
    assert "copy.jpg looks like red.png" in checked.notes[0].reason
    assert not checked.faults


def test_words_that_the_tokenizer_does_not_know_are_listed(photos: Path, bundled: Any) -> None:
    rows = [
        {"photo": "red.png", "question": "what is it?", "answer": "Corduroy"},
        {"photo": "green.png", "question": "是什么？", "answer": "灯芯绒"},
    ]
    examples, _ = read_examples([written(photos, rows)])
    assert set(check_examples(examples, [], bundled).new_words) >= {"corduroy", "芯", "绒"}


def test_a_product_stays_where_it_is_when_data_is_added() -> None:
    few = [Example(Path("p"), "q", ("a",), f"product {n}", "any", "en", "") for n in range(50)]
    many = [Example(Path("p"), "q", ("a",), f"product {n}", "any", "en", "") for n in range(5000)]
    before, after = split_examples(few), split_examples(many)
    for part, examples in before.items():
        assert {e.product for e in examples} <= {e.product for e in after[part]}
    shares = {part: len(examples) / 5000 for part, examples in after.items()}
    assert shares == pytest.approx({"train": 0.7, "stop": 0.1, "calibration": 0.1, "report": 0.1}, abs=0.02)


def test_questions_about_one_photo_are_on_one_side_where_no_product_is_named(photos: Path) -> None:
    (photos / "same.png").write_bytes((photos / "red.png").read_bytes())
    rows = [{"photo": name, "question": "what is it?", "answer": "mug"} for name in ("red.png", "same.png", "blue.png")]
    first, second, other = read_examples([written(photos, rows)])[0]
    assert first.product == second.product != other.product


def test_nothing_is_trained_on_that_shows_a_photo_of_another_part(tmp_path: Path) -> None:
    def example(photo: int, product: str) -> Example:
        file = tmp_path / f"{photo} of {product}.jpg"
        file.write_bytes(b"photo %d" % photo)
        return Example(file, "what?", ("red",), product, "any", "en", "line 1")

    own = [example(number, f"SKU-{number}") for number in range(60)]
    guesses = [example(number, f"guess {number}") for number in range(90)]  # the same photos under other names
    parts = parts_of(own, guesses=guesses, general=guesses)
    held_out = {one.photo.name.split()[0] for one in (*parts.stop, *parts.calibration, *parts.report)}
    assert held_out
    assert not held_out & {one.photo.name.split()[0] for one in (*parts.train, *parts.general)}
    assert any(one.product.startswith("guess") for one in parts.train)


def test_a_photo_of_products_in_two_parts_is_noted(photos: Path, bundled: Any) -> None:
    products = [next(f"p{n}" for n in range(99) if part_of(f"p{n}") == part) for part in ("train", "report")]
    rows = [{"photo": "red.png", "question": f"what {p}?", "answer": "red", "product": p} for p in products]
    checked = check_examples(*read_examples([written(photos, rows)]), bundled)
    assert any("products in 2 parts" in note.reason for note in checked.notes)


@pytest.mark.parametrize("weight", ["NaN", 0, -1, "much"])
def test_a_weight_is_a_number_above_zero(photos: Path, weight: Any) -> None:
    row = {"photo": "red.png", "question": "what?", "answer": "red", "weight": weight}
    examples, faults = read_examples([written(photos, [row])])
    assert (len(examples), len(faults)) == (0, 1)
