"""Listings that a photo contradicts: what counts as one, and the report on a real server's answers."""

import json
import re
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image
from vitrine_client import Choice, InvalidPhotoError
from vitrine_client.results import Status

from catalogue.attributes import CATEGORIES, COLOURS
from catalogue.photos import attributes_from_seed, photo_from_seed
from evaluation.listing_checks import listing
from shop.__main__ import main
from shop.commands import check_listings, index_photos
from shop.facts.listing_check import Field, contradictions, known_words, photo_file
from shop.options import CheckOptions, IndexOptions
from shop.products.product import Product
from shop.products.store import ProductStore
from tests.conftest import TestedServer


def choice(
    text: str, probability: float = 0.999, confidence: float | None = 0.9, status: Status = "answered"
) -> Choice:
    """Make a choice of a colour or a category; what is left of the probability is the next word's."""
    words = list(COLOURS if text in COLOURS else CATEGORIES)
    other = words[words.index(text) - 1]
    return Choice(text=text, status=status, confidence=confidence, reason="", release="r-1", request_id="q",
                  probabilities=dict.fromkeys(words, 0.0) | {text: probability, other: 1 - probability},
                  heatmap=np.zeros((0, 0), np.float32))  # fmt: skip


@pytest.mark.parametrize(
    ("field", "english", "chinese", "words"),
    [
        ("colour", "navy blue", "藏青色", {"blue"}),
        ("colour", "Dark Grey", "深灰色", {"grey"}),
        ("colour", "black/white", "黑色/白色", {"black", "white"}),
        ("colour", "teal", "青", {"green", "cyan"}),
        ("colour", "beige", "米色", set()),
        ("colour", "red and champagne", "红色和香槟色", set()),
        ("colour", "as shown", "如图", set()),
        ("category", "Home > Kitchen > Coffee Mugs", "家居/马克杯", {"mug"}),
        ("category", "Shoes", "鞋", {"shoe", "boot"}),
        ("category", "Phone cases", "手机壳", set()),
        ("category", "Mugs > Accessories", "马克杯>配件", set()),
        ("category", "", "", set()),
    ],
)
def test_words_of_shops_are_known_alike_in_both_languages(
    field: Field, english: str, chinese: str, words: set[str]
) -> None:
    assert known_words(english, field) == words
    assert known_words(chinese, field) == words


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_word_of_the_model_is_known(language: str) -> None:
    tables: dict[Field, dict[str, str]] = {"colour": COLOURS, "category": CATEGORIES}
    for field, table in tables.items():
        for english, chinese in table.items():
            assert english in known_words(english if language == "en" else chinese, field)


def test_another_word_at_high_confidence_is_a_contradiction() -> None:
    product = Product("tea", "m-1", category="杯子", attributes={"zh": {"颜色": "红色"}}, photos=("a.jpg",))
    [found] = contradictions(product, {"colour": choice("blue"), "category": choice("mug")})
    assert (found.sku, found.photo, found.field) == ("m-1", "a.jpg", "colour")
    assert (found.listed, found.seen, found.confidence) == ("红色", "blue", 1.0)


@pytest.mark.parametrize(
    ("colour", "answer"),
    [
        ("red", choice("red")),
        ("cyan", choice("blue", probability=0.99)),
        ("cyan", choice("blue", probability=0.4)),
        ("red", choice("blue", confidence=0.2)),
        ("red", choice("blue", confidence=None)),
        ("red", choice("blue", status="cannot_tell")),
        ("beige", choice("blue")),
        ("red, blue", choice("blue")),
        ("", choice("blue")),
    ],
)
def test_what_is_no_contradiction(colour: str, answer: Choice) -> None:
    product = Product("tea", "m-1", attributes={"en": {"Color": colour}})
    assert not contradictions(product, {"colour": answer})


@pytest.mark.parametrize(
    ("path", "reason"),
    [("../secret.jpg", "lies outside"), ("/etc/passwd", "lies outside"), ("https://x/a.jpg", "which is not downloaded"),
     ("none.jpg", "its photo 'none.jpg' is no file in"), ("", "is no file"), ("a\0b", "is no file"),
     (".", "is no file"), ("x" * 2_000, "is no file"), ("circle", "is no file")],
)  # fmt: skip
def test_no_photo_outside_the_folder_is_opened(tmp_path: Path, path: str, reason: str) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "secret.jpg").write_bytes(b"x")
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    (tmp_path / "photos" / "circle").symlink_to("circle")
    with pytest.raises(InvalidPhotoError, match=reason):
        photo_file(Product("tea", "m", photos=(path,)), tmp_path / "photos")
    with pytest.raises(InvalidPhotoError, match="it has no photo"):
        photo_file(Product("tea", "m"), tmp_path)
    assert photo_file(Product("tea", "m", photos=("a.jpg",)), tmp_path / "photos") == tmp_path / "photos" / "a.jpg"


@pytest.mark.parametrize("command", ["check", "index"])
def test_a_shop_without_products_is_said_and_no_store_is_made(
    command: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'products.db'}"

    def run() -> int:
        if command == "check":
            return check_listings(CheckOptions("te", "127.0.0.1:1", tmp_path / "report.html", url))
        return index_photos(IndexOptions("te", "127.0.0.1:1", f"edge://{tmp_path}/vectors", url))

    assert run() == 1
    assert "shop 'te' has no products in products.db" in capfd.readouterr().err
    assert not any(tmp_path.iterdir())
    with ProductStore(url) as store:
        store.put([Product("tea", "m")])
    assert run() == 1
    assert "shop 'te' has no products in products.db" in capfd.readouterr().err


@pytest.mark.parametrize("command", ["import feed", "check --output a.html --url x", "index --url x"])
def test_a_shop_is_not_named_by_blanks(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    with patch("sys.argv", ["shop", *command.split(), "--shop", "  "]), pytest.raises(SystemExit):
        main()
    assert "blanks came, but the name of a shop is expected" in capfd.readouterr().err


def test_a_planted_listing_says_another_word_in_one_field_alone() -> None:
    for number in range(64):
        truth = attributes_from_seed(number)
        product, wrong = listing(truth, number)
        listed = {"colour": known_words(next(iter(next(iter(product.attributes.values())).values())), "colour"),
                  "category": known_words(product.category, "category")}  # fmt: skip
        differing = {field for field, words in listed.items() if getattr(truth, field) not in words}
        assert differing == ({wrong} if wrong else set())


def test_a_whole_catalogue_is_checked_by_a_real_server(tested_server: TestedServer, tmp_path: Path) -> None:
    photo = photo_from_seed(10_040_000)
    (tmp_path / "a.jpg").write_bytes(photo.jpeg_bytes())
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    Image.new("RGB", (64, 64)).save(tmp_path / "blank.jpg")
    right = photo.attributes.colour
    other = next(colour for colour in COLOURS if colour != right)
    url = f"sqlite:///{tmp_path / 'products.db'}"
    script = "<script>alert(1)</script>"
    with ProductStore(url) as store:
        store.put([
            Product("tea", "right", attributes={"en": {"Color": right}}, photos=("a.jpg",)),
            Product("tea", script, attributes={"zh": {"颜色": COLOURS[other]}}, photos=("a.jpg",)),
            Product("tea", "broken", attributes={"en": {"Color": right}}, photos=("broken.jpg",)),
            Product("tea", "none", attributes={"en": {"Color": right}}),
            Product("other", "theirs", attributes={"en": {"Color": other}}, photos=("a.jpg",)),
        ])  # fmt: skip
    for name in ("report.html", "report.jsonl"):
        command = [sys.executable, "-m", "shop", "check", "--shop", "tea", "--store", url, "--url", tested_server.url,
                   "--photos", str(tmp_path), "--output", str(tmp_path / name)]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("contradicted listings: colour: 1 of 2; 2 left out; ")
        assert re.search(r"^broken: (.*)\nnone: it has no photo$", done.stderr, re.MULTILINE)
    [row] = [json.loads(line) for line in (tmp_path / "report.jsonl").read_text("utf-8").splitlines()]
    assert (row["sku"], row["field"], row["listed"], row["seen"]) == (script, "colour", COLOURS[other], right)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert script not in page
    assert "<td>none</td><td>it has no photo</td>" in page
    assert "&lt;script&gt;" in page
