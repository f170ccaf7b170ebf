"""When something appears in a video: intervals without flicker, from a real server too; and `vitrine watch`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray
from PIL import Image
from vitrine_client import FakeTransport, InvalidRequestError, VqaClient
from vitrine_client.product_commands import frames_line
from vitrine_client.watching import YES, Interval, Watched, intervals_of, when

from catalogue.attributes import CATEGORIES
from catalogue.dataset import first_seed
from catalogue.photos import attributes_from_seed, photo_from_seed
from tests.docs.pages import code_blocks
from tests.helpers.videos import video_of

from .command import vitrine

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "video.md"
SIZE = (320, 320)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("", []),
        ("1", [(0, 0)]),
        ("0", []),
        ("111", [(0, 2)]),
        ("0110", [(1, 2)]),
        ("11011", [(0, 4)]),
        ("110011", [(0, 1), (4, 5)]),
        ("00100", []),
        ("100", []),
        ("001", []),
        ("011", [(1, 2)]),
        ("10101", [(0, 4)]),
    ],
    ids=[
        "no frame", "one frame alone is believed", "one that does not show it", "all the time", "in between",
        "a frame missed", "twice", "a flicker", "a flicker at the start", "a flicker at the end", "from the second on",
        "every other frame",
    ],
)  # fmt: skip
def test_frames_become_intervals(shown: str, expected: list[tuple[float, float]]) -> None:
    hits = [one == "1" for one in shown]
    found = intervals_of(range(len(hits)), hits, [0.9] * len(hits))
    assert [(one.start_s, one.end_s) for one in found] == expected


def test_confidence_is_that_of_the_frames_that_show_it() -> None:
    (found,) = intervals_of([0, 1, 2, 3], [True, False, True, True], [0.9, 0.1, 0.8, 0.7])
    assert found.confidence == pytest.approx(0.8)
    assert intervals_of([0], [True], [None]) == (Interval(0, 0, None),)


class Keeps(FakeTransport):
    """Remembers the photos that came."""

    def infer(self, model: str, inputs: Any, outputs: Sequence[str], **how: Any) -> dict[str, NDArray[Any]]:
        self.photos = [*getattr(self, "photos", []), inputs["IMAGE"][0, 0]]
        return super().infer(model, inputs, outputs, **how)


def test_asked_again_frames_are_the_same_bytes() -> None:
    fake = Keeps({"Is it red?": "Yes", "是红色的吗？": "是", "what?": "red"})
    client = VqaClient(transport=fake)
    pictures = [(0.0, Image.new("RGB", SIZE, "red")), (1.0, Image.new("RGB", SIZE, "darkred"))]
    assert when(client, pictures, "Is it red?").intervals == (Interval(0.0, 1.0, 1.0),)
    assert when(client, pictures, "是红色的吗？") == Watched((Interval(0.0, 1.0, 1.0),), 2, 1.0, {"是": 2})
    assert sorted(fake.photos[:2]) == sorted(fake.photos[2:])
    assert when(client, pictures, "what?", candidates=["red", "blue"], appears=["red"]).intervals
    assert not when(client, pictures, "what?", candidates=["red", "blue"], appears=["blue"]).intervals
    assert when(client, [], "Is it red?").frames == 0
    with pytest.raises(InvalidRequestError):
        when(client, pictures, " ")
    for appears in (["黄色"], YES):
        with pytest.raises(InvalidRequestError, match="which are no candidates"):
            when(client, pictures, "什么颜色？", candidates=["红色"], appears=appears)


@pytest.mark.parametrize(
    ("watched", "line"),
    [
        (Watched((), 6, 5.0, {"red": 4}), "in none of 6 frames up to 0:05.0; most often: red (4), handed over (2)"),
        (Watched((), 2, 1.0, {}), "in none of 2 frames up to 0:01.0; most often: handed over (2)"),
        (Watched((), 3, 2.0, {"否": 2, "是": 1}), "only in single frames, which are left out as flicker, of 3 "
                                                  "frames up to 0:02.0; most often: 否 (2), 是 (1)"),
        (Watched((), 0, 0.0, {}), "0 frames up to 0:00.0"),
        (Watched((Interval(0.0, 1.0, 1.0),), 2, 1.0, {"yes": 2}), "2 frames up to 0:01.0"),
    ],
    ids=["other answers", "no answer", "flicker", "no frames", "seen"],
)  # fmt: skip
def test_where_nothing_shows_the_line_says_what_was_answered(watched: Watched, line: str) -> None:
    assert frames_line(watched, YES) == line


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A video of one product for 2 s and then another; and their categories in English."""
    seeds = [first_seed("test") + number for number in (60_000, 60_005)]  # a bottle, a lamp
    pictures = [photo_from_seed(seed).image.resize(SIZE) for seed in seeds]
    file = tmp_path_factory.mktemp("video") / "shelf.mp4"
    file.write_bytes(video_of([pictures[0]] * 20 + [pictures[1]] * 20))
    return file, [attributes_from_seed(seed).category for seed in seeds]


def asked_about(category: str) -> tuple[str, str]:
    return f"Is this a {category}?", f"这是{CATEGORIES[category]}吗？"


@pytest.mark.parametrize("language", [0, 1], ids=["en", "zh"])
def test_a_server_says_when_each_product_shows(server_url: str, shelf: tuple[Path, list[str]], language: int) -> None:
    file, categories = shelf
    for category, start_s in zip(categories, (0.0, 2.0), strict=True):
        question = asked_about(category)[language]
        done = vitrine("watch", str(file), question, "--every", "0.5", "--url", server_url, "--json")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert (found["frames"], found["until_s"]) == (8, 3.5)
        assert [(one["start_s"], one["end_s"]) for one in found["intervals"]] == [(start_s, start_s + 1.5)]
    done = vitrine("watch", str(file), asked_about(categories[1])[language], "--every", "0.5", "--url", server_url)
    assert done.stdout.startswith("0:02.0 to 0:03.5  (confidence ")
    assert done.stderr == "8 frames up to 0:03.5\n"


def test_what_cannot_be_watched_is_one_clear_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    done = vitrine("watch", str(broken), "Is this a mug?")
    assert done.returncode == 2
    assert done.stderr.startswith("vitrine: cannot read the video ")
    assert len(done.stderr.splitlines()) == 1
    assert vitrine("watch", str(broken), " ").returncode == 2
    broken.write_bytes(b"")
    assert vitrine("watch", str(broken), "Is this a mug?").stderr.endswith(": it is empty (0 bytes)\n")
    done = vitrine("watch", str(broken), "Is this a mug?", "--every", "0")
    assert "--every: '0' came, but a number of seconds is expected, more than 0 and at most 86,400" in done.stderr


def test_the_guide_watches_a_folder(
    server_url: str, shelf: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    file, categories = shelf
    (file.parent / "broken.mp4").write_bytes(b"no video")
    (block,) = [one for one in code_blocks(GUIDE.read_text("utf-8")) if "def look_through" in one]
    scope: dict[str, Any] = {"SERVER": server_url, "QUESTION": asked_about(categories[1])[0]}
    exec(block, scope)  # noqa: S102  what the guide says
    known: set[Path] = set()
    scope["look_through"](file.parent, known)
    broken, found = capsys.readouterr().out.splitlines()
    assert broken.startswith("broken.mp4: cannot read the video ")
    assert found == "shelf.mp4: 2.0 s to 3.0 s"
    scope["look_through"](file.parent, known)
    assert capsys.readouterr().out == "", "each is watched once"
