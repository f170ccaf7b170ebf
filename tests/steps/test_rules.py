"""House rules: applied in both languages, and refused with the line where they are wrong."""

from pathlib import Path

import pytest

from vitrine_steps.rules import FORBIDDEN, NO_RULES, RulesError, apply_rules, read_rules
from vitrine_steps.verdict import Verdict

GOOD = """
en:
  say:
    navy: [blue, "Dark  Blue"]
    not visible: cannot tell
    nope: no
  never_say: [fake, cheap, 3]
zh:
  say:
    藏青色: [蓝色, 深蓝色]
  never_say: [假货, 仿]
"""
ANSWERED = Verdict("answered", "")


@pytest.fixture
def rules_file(tmp_path: Path) -> Path:
    file = tmp_path / "answer_rules.yaml"
    file.write_text(GOOD, "utf-8")
    return file


@pytest.mark.parametrize(
    ("language", "text", "said"),
    [
        ("en", "blue", "navy"),
        ("en", "dark blue", "navy"),
        ("en", "Blue", "navy"),
        ("en", "cannot tell", "not visible"),
        ("en", "no", "nope"),
        ("en", "red", "red"),
        ("en", "蓝色", "蓝色"),
        ("zh", "蓝色", "藏青色"),
        ("zh", "深 蓝色", "深 蓝色"),
        ("zh", "blue", "blue"),
    ],
)
def test_the_shops_word_is_said(rules_file: Path, language: str, text: str, said: str) -> None:
    found = apply_rules(read_rules(rules_file), [text], [0.9], ANSWERED, language=language)
    assert (found.texts, found.verdict) == ([said], ANSWERED)


@pytest.mark.parametrize(
    ("language", "text", "is_forbidden"),
    [
        ("en", "fake", True),
        ("en", "a FAKE bag", True),
        ("zh", "fake", True),
        ("en", "fakery", False),
        ("en", "3", True),
        ("en", "13", False),
        ("zh", "仿皮", True),
        ("en", "假货", True),
        ("zh", "真皮", False),
    ],
)
def test_a_forbidden_answer_is_handed_over_without_being_said(
    rules_file: Path, language: str, text: str, is_forbidden: bool
) -> None:
    found = apply_rules(read_rules(rules_file), [text, "red"], [0.9, 0.1], ANSWERED, language=language)
    if is_forbidden:
        assert (found.texts, found.verdict) == (["", "red"], Verdict("hand_over", FORBIDDEN))
    else:
        assert (found.texts, found.verdict) == ([text, "red"], ANSWERED)


def test_a_forbidden_alternative_is_left_out_and_alike_ones_are_one(rules_file: Path) -> None:
    texts, sure = ["red", "fake red", "blue", "dark blue"], [0.6, 0.2, 0.125, 0.0625]
    found = apply_rules(read_rules(rules_file), texts, sure, ANSWERED, language="en")
    assert (found.texts, found.confidences) == (["red", "navy"], [0.6, 0.1875])


def test_the_answers_own_confidence_is_what_its_verdict_was_read_from(rules_file: Path) -> None:
    found = apply_rules(read_rules(rules_file), ["blue", "dark blue", "red"], [0.6, 0.3, 0.1], ANSWERED, language="en")
    assert (found.texts, found.confidences) == (["navy", "red"], [0.6, 0.1])


@pytest.mark.parametrize(
    ("forbidden", "said"), [("1/2", "1 / 2"), ("3.5", "3. 5"), ("b&w", "B & W"), ("100%", "100 %"), ("café", "cafe")]
)
def test_a_forbidden_word_is_found_as_the_decoder_spells_it(tmp_path: Path, forbidden: str, said: str) -> None:
    file = tmp_path / "answer_rules.yaml"
    file.write_text(f"en:\n  never_say: ['{forbidden}']\n", "utf-8")
    assert apply_rules(read_rules(file), [said], [0.9], ANSWERED, language="en").verdict.reason == FORBIDDEN


def test_no_file_and_an_empty_file_are_no_rules(tmp_path: Path) -> None:
    assert read_rules(tmp_path / "none.yaml") is NO_RULES
    (tmp_path / "empty.yaml").write_text("# nothing yet\n", "utf-8")
    assert read_rules(tmp_path / "empty.yaml") is NO_RULES
    assert apply_rules(NO_RULES, ["红色"], [0.5], ANSWERED, language="zh").texts == ["红色"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("en:\n  say:\n    navy: [blue\n", "line 4: not YAML"),
        ("en:\n\tsay: x\n", "line 2: not YAML"),
        ("format: 2\nen:\n  say: {}\n", "line 1: format 2 came, but 1 is expected"),
        ("- en\n", "line 1: en or zh with a colon is expected"),
        ("en:\n  say: {}\nfr:\n  say: {}\n", "line 3: 'fr' came, but en or zh is expected"),
        ("en:\n  never_says: [x]\n", "line 2: 'never_says' came, but say or never_say is expected"),
        ("en:\n  say:\n    navy: {a: b}\n", "line 3: a word, or a list of words in [ ], is expected"),
        ("en:\n  say:\n    navy:\n", "line 3: a word, or a list of words in [ ], is expected"),
        ("en:\n  never_say:\n    - fake\n    - ' '\n", "line 4: a word, or"),
        ("zh:\n  say:\n    藏青: [蓝]\n    海蓝: [蓝]\n", "line 4: '蓝' is a synonym of '藏青' already"),
        ("en:\n  say: {a: b}\nen:\n  say: {c: d}\n", "line 3: 'en' stands here a second time"),
        ("en:\n  say: {fake fur: faux}\n  never_say: fake\n", "line 2: 'fake fur' is to be said, and never to be said"),
    ],
)
def test_a_bad_file_is_refused_with_the_line(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "answer_rules.yaml"
    file.write_text(content, "utf-8")
    with pytest.raises(RulesError) as caught:
        read_rules(file)
    assert message in str(caught.value)
    assert "answer_rules.yaml" in str(caught.value)


def test_a_file_may_say_its_format(rules_file: Path) -> None:
    without = read_rules(rules_file)
    rules_file.write_text(f"format: 1\n{GOOD}", "utf-8")
    assert read_rules(rules_file) == without


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "answer_rules.yaml"
    file.write_bytes("zh:\n  never_say: [假货]\n".encode("gb18030"))
    with pytest.raises(RulesError, match="is not UTF-8: save it as UTF-8"):
        read_rules(file)
