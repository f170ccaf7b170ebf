"""Scenarios out of files: read, or refused with the line and the field."""

from dataclasses import replace
from pathlib import Path

import pytest

from loadtest.photos import PhotoFolderError, draw_photos, photos_of_folder
from loadtest.scenario import NAMED, Scenario, ScenarioError, scenario_from


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "节日.yaml"
    file.write_text("# 双十一\nchinese_ratio: 0.95\nphoto_long_side_px: [300, 500]\nquestions_per_photo: 3\n", "utf-8")
    expected = Scenario("节日", chinese_ratio=0.95, photo_long_side_px=(300, 500), questions_per_photo=3)
    assert scenario_from(str(file)) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("chinese_ratio: 0.5\nrepeat: 1\n", "line 2: there is no field 'repeat'; there are name, photo_long_side_px"),
        ("chinese_ratio: lots\n", "line 1: chinese_ratio is 'lots', but a number is expected"),
        ("invalid_ratio: 1.5\n", "line 1: invalid_ratio is 1.5, but a share from 0 to 1"),
        ("questions_per_photo: 2.5\n", "line 1: questions_per_photo is 2.5, but a whole number"),
        ("questions_per_photo: true\n", "line 1: questions_per_photo is True, but a whole number"),
        ("photo_long_side_px: 300\n", "line 1: photo_long_side_px is 300, but two whole numbers"),
        ("photo_long_side_px: [900, 300]\n", "photo_long_side_px is [900, 300], but 16 <= LOW <= HIGH"),
        ("choose_ratio: 0.7\nembed_ratio: 0.7\n", "choose_ratio, embed_ratio and read_ratio are more than 1 together"),
        ("choose_ratio: 0.7\nchoose_ratio: 0.1\n", "line 2: choose_ratio came in line 1 already"),
        ("a: [1\n", "line 2: not YAML"),
        ("[a, b]: 1\n", "line 1: a list or a mapping came"),
        ("- a\n", "lines of the form"),
        ("", "lines of the form"),
    ],
)
def test_a_bad_file_is_refused_with_the_line_and_the_field(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(content, "utf-8")
    with pytest.raises(ScenarioError) as caught:
        scenario_from(str(file))
    assert message in str(caught.value)
    assert "mine.yaml" in str(caught.value)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ScenarioError, match="there is no scenario 'lissting': name one of customer_service, listing"):
        scenario_from("lissting")
    with pytest.raises(ScenarioError, match="cannot read"):
        scenario_from("nothere.yaml")


def test_named_scenarios_are_named_like_their_keys() -> None:
    assert all(name == scenario.name for name, scenario in NAMED.items())


def test_a_pool_gives_new_bytes_for_every_number(tmp_path: Path) -> None:
    from PIL import Image

    pool = draw_photos(3, (60, 80))
    photos = [pool.photo(number) for number in range(10)]
    assert len(set(photos)) == 10
    assert photos[3][:-8] == photos[0][:-8]
    assert replace(pool, salt="another run").photo(0) not in photos
    assert pool.sha256() == draw_photos(3, (60, 80)).sha256()
    for number, photo in enumerate(photos):
        (tmp_path / f"{number}.jpg").write_bytes(photo)
        with Image.open(tmp_path / f"{number}.jpg") as image:
            image.load()


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("none", "utf-8")
    with pytest.raises(PhotoFolderError, match=r"holds no photos: files ending in \.jpg"):
        photos_of_folder(tmp_path)
    with pytest.raises(PhotoFolderError, match="there is no folder"):
        photos_of_folder(tmp_path / "nothere")
    (tmp_path / "a.PNG").write_bytes(b"png")
    with pytest.raises(PhotoFolderError, match=r"a\.PNG cannot be sent as a photo \(no picture\)"):
        photos_of_folder(tmp_path)
    (tmp_path / "a.PNG").write_bytes(draw_photos(3, (60, 80)).encoded[0])
    assert photos_of_folder(tmp_path).encoded == [draw_photos(3, (60, 80)).encoded[0]]
