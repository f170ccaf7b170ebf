"""The demo's photos, what is asked about each, and which are passed over; and what make passes on to it."""

import subprocess
from pathlib import Path

import pytest
from PIL import Image
from vitrine_client import VqaClient
from vitrine_client.fake import FakeTransport

from serving.demo_photos import GENERIC_QUESTIONS, drawn_rounds, own_rounds
from serving.errors import UsageError
from serving.show_demo import MOST_PHOTOS, show_answers
from tests.conftest import ROOT

pytestmark = pytest.mark.fast


@pytest.fixture
def client() -> VqaClient:
    answers = {"What is shown?": "a shoe", "图中是什么？": "鞋"}
    return VqaClient(transport=FakeTransport(answers))


def photos(folder: Path, *names: str) -> Path:
    for name in names:
        Image.new("RGB", (8, 8), "red").save(folder / name)
    return folder


def test_own_photos_are_asked_about_in_both_languages(
    client: VqaClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rounds = own_rounds(photos(tmp_path, "b.png", "a.jpg"))
    photo, question, answer = show_answers(client, rounds)
    assert (photo, question, answer.text) == (tmp_path / "a.jpg", "What is shown?", "a shoe")
    said = capsys.readouterr().out
    assert said.index("a.jpg") < said.index("b.png")
    assert [said.count(asked) for asked in GENERIC_QUESTIONS] == [2, 2, 2, 2]
    assert "鞋" in said


def test_what_cannot_be_read_is_named_and_passed_over(
    client: VqaClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos(tmp_path, "z.jpg")
    (tmp_path / "a.jpg").touch()
    (tmp_path / "notes.txt").write_text("no photo by its name", "utf-8")
    assert show_answers(client, own_rounds(tmp_path))[0] == tmp_path / "z.jpg"
    said = capsys.readouterr().out
    assert f"{tmp_path / 'a.jpg'}\n  passed over: the photo" in said
    assert "notes.txt" not in said


def test_no_more_than_a_handful_are_asked_about(
    client: VqaClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_answers(client, own_rounds(photos(tmp_path, *(f"{number}.png" for number in range(MOST_PHOTOS + 2)))))
    assert capsys.readouterr().out.count(GENERIC_QUESTIONS[0]) == MOST_PHOTOS


def test_a_folder_without_photos_is_refused(client: VqaClient, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UsageError, match=r"--photos .* has no photos: name a folder with \.jpg"):
        own_rounds(tmp_path)
    (tmp_path / "a.jpg").touch()
    with pytest.raises(UsageError, match="none of these files is a photo that can be read"):
        show_answers(client, own_rounds(tmp_path))


def test_drawn_photos_are_written(tmp_path: Path) -> None:
    rounds = drawn_rounds(tmp_path / "demo")
    assert [one.photo.name for one in rounds] == ["photo1.jpg", "photo2.jpg", "photo3.jpg"]
    assert sum(len(one.questions) for one in rounds) == 10
    assert all(Image.open(one.photo).format == "JPEG" for one in rounds)


@pytest.mark.parametrize(
    ("given", "commands"),
    [
        ([], ["--checkpoint checkpoints/vitrine-small", "mv build/new build/vitrine-small\n"]),
        (["CHECKPOINT=Qwen/Qwen3-VL-2B-Instruct"], ["--checkpoint Qwen/", "mv build/new build/Qwen3-VL-2B-Instruct\n"]),
        (["CHECKPOINT=no/such/"], ["mv build/new build/such\n", "-m serving.demo build/such"]),
        (["TARGET=tensorrt-rtx"], ["--target tensorrt-rtx", "mv build/new build/vitrine-small-tensorrt-rtx\n"]),
        (["BUILD_OPTIONS=--image-px 128"], ["--image-px 128 --output build/new"]),
        (["PHOTOS=my photos"], ['-m serving.demo build/vitrine-small --photos "my photos"']),
    ],
    ids=" ".join,
)
def test_make_passes_on_what_it_is_given(given: list[str], commands: list[str]) -> None:
    make = ["make", "--dry-run", "--always-make", "SYSTEM=no", "demo", *given]
    said = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for command in commands:
        assert command in said
