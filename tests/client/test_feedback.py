"""The store of questions for people: the same tests on SQLite and on a real PostgreSQL."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vitrine_client import Answer, InvalidRequestError
from vitrine_client.feedback.database import FeedbackError, NotThereError, TakenError
from vitrine_client.feedback.selection import label_first
from vitrine_client.feedback.store import FeedbackStore

from tests.helpers.postgres import new_database, postgres

PHOTO, OTHER = b"one photo", b"another photo"


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'feedback.db'}"
    return new_database(request.getfixturevalue("server"))


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[FeedbackStore]:
    with FeedbackStore(url, photos=tmp_path / "photos") as opened:
        yield opened


def handed_over(confidence: float | None = 0.4, text: str = "red") -> Answer:
    return Answer(text=text, status="hand_over", confidence=confidence, reason="not sure enough", source="photo",
                  alternatives=(), heatmap=np.zeros((0, 0), np.float32), release="r-1", request_id="q")  # fmt: skip


def test_a_question_is_asked_and_answered(store: FeedbackStore) -> None:
    number = store.add(PHOTO, "是什么颜色？", handed_over(), product="sku-1")
    [item] = store.items("open")
    assert (item.id, item.question, item.product) == (number, "是什么颜色？", "sku-1")
    assert (item.said, item.release, item.confidence) == ("red", "r-1", 0.4)
    assert item.photo_file is None
    store.answer(number, " 蓝色 ", by="li")
    [item] = store.items("answered")
    assert item.answer == "蓝色"
    assert not store.items("open")


def test_two_people_cannot_answer_one_question(store: FeedbackStore) -> None:
    number = store.add(PHOTO, "what colour?", handed_over())
    store.answer(number, "blue")
    with pytest.raises(TakenError, match="is answered already"):
        store.answer(number, "green")
    with pytest.raises(FeedbackError, match="is answered already"):
        store.dismiss(number)
    assert store.items()[0].answer == "blue"
    with pytest.raises(NotThereError, match="no question 77"):
        store.answer(77, "blue")
    with pytest.raises(InvalidRequestError, match="blank"):
        store.answer(number, "  ")


def test_the_same_question_is_there_once_and_counted(store: FeedbackStore) -> None:
    first = store.add(PHOTO, "what colour?", handed_over())
    assert store.add(PHOTO, "what colour?", handed_over(), keep_days=1) == first
    store.add(OTHER, "what colour?", handed_over())
    assert [item.times for item in store.items()] == [2, 1]
    assert store.items()[0].photo_file is not None


def test_forgotten_is_gone_from_the_disk(store: FeedbackStore, url: str, tmp_path: Path) -> None:
    question = "is this jacket for Ms Zanzibar?"
    store.add(PHOTO, question, handed_over(), product="sku-1", keep_days=30)
    store.add(PHOTO, "what colour?", handed_over(), product="sku-2", keep_days=30)
    store.add(OTHER, "what colour?", handed_over(), product="sku-2", keep_days=30)
    photos = tmp_path / "photos"
    assert len(list(photos.iterdir())) == 2
    assert store.forget(product="sku-1") == 1
    assert len(list(photos.iterdir())) == 2  # another product has this photo, too
    assert store.forget(photo_sha256=store.items()[0].photo_sha256) == 1
    assert [file.read_bytes() for file in photos.iterdir()] == [OTHER]
    if url.startswith("sqlite"):
        for file in tmp_path.glob("feedback.db*"):
            assert b"Zanzibar" not in file.read_bytes(), file
        assert (tmp_path / "feedback.db").exists()


def test_photos_are_kept_by_option_and_for_a_time(store: FeedbackStore, tmp_path: Path) -> None:
    store.add(PHOTO, "one", handed_over(), keep_days=-1)
    store.add(OTHER, "two", handed_over(), keep_days=1)
    assert store.remove_expired() == 1
    assert [item.photo_file is None for item in store.items()] == [True, False]
    assert [file.read_bytes() for file in (tmp_path / "photos").iterdir()] == [OTHER]
    with FeedbackStore(f"sqlite:///{tmp_path / 'b.db'}") as bare, pytest.raises(InvalidRequestError, match="no folder"):
        bare.add(PHOTO, "one", handed_over(), keep_days=1)


def test_a_photo_outlives_no_forgetting_that_was_killed(store: FeedbackStore, tmp_path: Path) -> None:
    store.add(PHOTO, "one", handed_over(), product="sku-1", keep_days=30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store._engine, "begin", lambda: 1 / 0)  # dies once the photo is removed
        with pytest.raises(ZeroDivisionError):
            store.forget(product="sku-1")
    assert not list((tmp_path / "photos").iterdir())
    assert store.forget(product="sku-1") == 1


def test_a_store_touches_no_file_of_another(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    with FeedbackStore(f"sqlite:///{tmp_path / 'a.db'}", photos=photos) as ours:
        ours.add(PHOTO, "one", handed_over(), product="sku-1", keep_days=30)
        with FeedbackStore(f"sqlite:///{tmp_path / 'b.db'}", photos=photos) as other:
            other.add(OTHER, "one", handed_over(), product="sku-1", keep_days=-1)
            assert other.remove_expired() == 1
            assert other.forget(product="sku-1") == 1
        assert [file.read_bytes() for file in photos.iterdir()] == [PHOTO]
    with FeedbackStore(f"sqlite:///{tmp_path / 'a.db'}", photos=tmp_path / "moved") as lost:
        with pytest.raises(FeedbackError, match="their folder is not there"):
            lost.forget(product="sku-1")
        assert len(lost.items()) == 1


def test_what_a_database_cannot_keep_is_refused(store: FeedbackStore) -> None:
    for text in ("\0", "\udcff", "x" * 2001):
        with pytest.raises(InvalidRequestError, match="question"):
            store.add(PHOTO, text, handed_over())
    with pytest.raises(InvalidRequestError, match="product"):
        store.items(product="\0")
    with pytest.raises(NotThereError):
        store.answer(2**40, "blue")
    longest = store.add(PHOTO, "货" * 2000, handed_over(), product="x" * 200)
    assert store.item(longest).question == "货" * 2000


def test_a_shop_sees_its_own_alone(store: FeedbackStore) -> None:
    mine = store.add(PHOTO, "one", handed_over(), shop="mine", product="p", buyer="b", keep_days=1)
    store.add(PHOTO, "one", handed_over(), shop="other", product="p", buyer="b", keep_days=1)
    assert [item.shop for item in store.items(shop="mine")] == ["mine"]
    for act in (lambda: store.item(mine, shop="other"), lambda: store.answer(mine, "x", shop="other"),
                lambda: store.dismiss(mine, shop="other")):  # fmt: skip
        with pytest.raises(NotThereError):
            act()
    store.answer(mine, "x", shop="mine")
    assert (store.counts("mine").answered, store.counts("other").open, store.counts("mine").open) == (1, 1, 0)
    assert store.counts("mine").median_answer_s is not None
    assert store.forget(buyer="b", shop="other") == 1
    assert store.item(mine).photo_file is not None
    assert store.item(mine).photo_file.read_bytes() == PHOTO  # type: ignore[union-attr]


def test_what_was_said_last_is_kept(store: FeedbackStore) -> None:
    store.add(PHOTO, "one", handed_over(0.2, "red"))
    store.add(PHOTO, "one", handed_over(0.3, "blue"))
    [item] = store.items()
    assert (item.said, item.confidence, item.times) == ("blue", 0.3, 2)


def _open(url: str) -> None:
    FeedbackStore(url).close()


def test_several_processes_open_a_new_store_at_once(url: str) -> None:
    context = multiprocessing.get_context("spawn")
    opening = [context.Process(target=_open, args=(url,)) for _ in range(4)]
    for process in opening:
        process.start()
    for process in opening:
        process.join(60)
    assert [process.exitcode for process in opening] == [0] * 4


def test_threads_keep_one_photo(store: FeedbackStore, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: store.add(PHOTO, f"q {n}", handed_over(), keep_days=1), range(24)))
    assert [file.read_bytes() for file in (tmp_path / "photos").iterdir()] == [PHOTO]


def _add_many(url: str, start: int, done: Any) -> None:
    with FeedbackStore(url) as opened:
        for number in range(start, start + 40):
            opened.add(PHOTO, f"question {number}", handed_over())
            done.put(number)


def test_two_writers_at_once_lose_nothing(url: str) -> None:
    context = multiprocessing.get_context("spawn")
    done: Any = context.Queue()
    FeedbackStore(url).close()
    writers = [context.Process(target=_add_many, args=(url, 40 * n, done)) for n in range(2)]
    for writer in writers:
        writer.start()
    acknowledged = {done.get(timeout=60) for _ in range(80)}
    for writer in writers:
        writer.join(60)
    with FeedbackStore(url) as opened:
        assert {int(item.question.split()[1]) for item in opened.items()} == acknowledged == set(range(80))


def test_a_killed_writer_loses_nothing_acknowledged(url: str) -> None:
    program = (
        "import sys; from tests.client.test_feedback import handed_over\n"
        "from vitrine_client.feedback.store import FeedbackStore\n"
        "with FeedbackStore(sys.argv[1]) as store:\n"
        "    for n in range(100_000):\n"
        "        store.add(b'photo', f'question {n}', handed_over()); print(n, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, url], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    said = [int(process.stdout.readline()) for _ in range(50)]
    os.kill(process.pid, signal.SIGKILL)
    said += [int(line) for line in process.stdout.read().split("\n") if line.strip()]
    process.wait()
    with FeedbackStore(url) as opened:
        there = {int(item.question.split()[1]) for item in opened.items()}
    assert set(said) <= there


def test_a_store_that_is_away_is_said_and_comes_back(tmp_path: Path) -> None:
    with pytest.raises(FeedbackError, match="does not answer"):
        FeedbackStore("postgresql://nobody@127.0.0.1:9/none")
    for url in ("no url at all", "sqlite://", "mysql://shop@host/name"):
        with pytest.raises(FeedbackError, match="cannot be used"):
            FeedbackStore(url)
    with pytest.raises(FeedbackError, match="has the option target_session_attrs"):
        FeedbackStore("postgresql://shop@host/name?target_session_attrs=any")
    folder = tmp_path / "not there yet"
    with pytest.raises(FeedbackError, match="does not answer"):
        FeedbackStore(f"sqlite:///{folder / 'feedback.db'}")
    folder.mkdir()
    FeedbackStore(f"sqlite:///{folder / 'feedback.db'}").close()


def test_what_is_labelled_first_is_unsure_and_unlike(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    near, far = rng.normal(size=(2, 16)).astype(np.float32)
    with FeedbackStore(f"sqlite:///{tmp_path / 'f.db'}") as store:
        added = ((near, 0.5), (near * 1.01, 0.5), (near + 0.3 * far, 0.45), (far, 0.6))
        for number, (vector, confidence) in enumerate(added):
            store.add(b"%d" % number, "what colour?", handed_over(confidence), vector=vector)
        chosen = [item.id for item in label_first(store.items(), 4)]
    assert chosen[0] == 3  # the least sure
    assert chosen[1] == 4  # unlike it
    assert len(chosen) == 3  # two photos are one


def test_all_questions_about_one_photo_are_offered(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    with FeedbackStore(f"sqlite:///{tmp_path / 'f.db'}") as store:
        for number in range(50):
            vector = rng.normal(size=16 if number % 2 else 8).astype(np.float32)
            for question in ("what colour?", "什么颜色？"):
                store.add(b"%d" % number, question, handed_over(0.5), vector=vector if number % 3 else None)
        assert len(label_first(store.items(), 1000)) == 100
