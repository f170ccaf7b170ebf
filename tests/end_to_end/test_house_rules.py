"""House rules on a real server: kept in both languages, and a broken file stops it."""

import shutil
from pathlib import Path

import pytest
from vitrine_client import VqaClient

from catalogue.photos import attributes_from_seed
from catalogue.questions import truth, words
from serving.errors import ServingError
from serving.supervision.server import EmbeddedServer
from serving.triton.command import ServerSettings
from tests.helpers.product import PHOTO, QUESTIONS, SEED


@pytest.fixture(scope="module")
def ruled(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built repository, with room for rules of its own."""
    folder = tmp_path_factory.mktemp("ruled") / "repository"
    shutil.copytree(repository, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def served(folder: Path) -> EmbeddedServer:
    log = folder.parent / "ruled.log"
    return EmbeddedServer(ServerSettings(folder, grpc_port=0, metrics_port=None, log_file=log))


def test_house_rules_are_kept_in_both_languages(ruled: Path) -> None:
    attributes = attributes_from_seed(SEED)
    (en, zh), other = (truth(attributes, "colour", language) for language in ("en", "zh")), words("pattern", "en")
    rules = f"en:\n  say:\n    our own colour: [{en}]\n  never_say: [{', '.join(other)}]\nzh:\n  never_say: {zh}\n"
    (ruled / "answer_rules.yaml").write_text(rules, "utf-8")
    with served(ruled) as server, VqaClient(server.url, timeout_s=20) as client:
        said = client.ask(PHOTO, QUESTIONS["en"])
        assert (said.text, said.status) == ("our own colour", "answered")
        assert said.alternatives[0].text == "our own colour"
        for question in (QUESTIONS["zh"], "What pattern does it have?"):
            blocked = client.ask(PHOTO, question)
            assert (blocked.text, blocked.status) == ("", "hand_over")
            assert blocked.reason == "a house rule forbids the answer"
            assert not {zh, *other} & {alternative.text for alternative in blocked.alternatives}
        choice = client.choose(PHOTO, QUESTIONS["zh"], words("colour", "zh"))
        assert (choice.text, choice.status, choice.reason) == ("", "hand_over", "a house rule forbids the answer")


def test_bad_house_rules_stop_the_server_with_the_line(ruled: Path) -> None:
    (ruled / "answer_rules.yaml").write_text("en:\n  say:\n    navy: [blue]\nfr:\n  say: {}\n", "utf-8")
    with (
        pytest.raises(ServingError, match=r"answer_rules\.yaml, line 4: 'fr' came, but en or zh is expected"),
        served(ruled),
    ):
        pass
