"""The VQA-v2 rule: an answer is as right as people agree with it.

Source: visualqa.org/evaluation.html: of ten people's answers, every nine are
taken in turn; an answer that three of the nine gave is right, one that two
gave is two thirds right. Case, articles, punctuation and number words do not
count. Apostrophes are dropped on both sides, where the challenge's own script
has a table of contractions.
"""

import re
from collections.abc import Sequence

_NUMBERS = dict(
    zip(
        ["none", "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"],
        ["0", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"],
        strict=True,
    )
)
_ARTICLES = {"a", "an", "the"}
_PEOPLE, _AGREEING = 10, 3
_COMMA_IN_NUMBER = re.compile(r"(?<=\d),(?=\d)")
_POINT_IN_NUMBER = re.compile(r"(?<!\d)\.|\.(?!\d)")
_PUNCTUATION = re.compile(r"[;/\[\]\"{}()=+\\_\-><@`,?!，。！？；：、（）]")


def vqa_score(answer: str, people: Sequence[str]) -> float:
    """0 to 1.

    Args:
        people: the answers of ten people; fewer are ways to say it, any of which is right.
    """
    given, wanted = normalise(answer), [normalise(text) for text in people]
    if len(wanted) < _PEOPLE:
        return float(given in wanted)
    agreeing = [sum(given == other for other in wanted[:i] + wanted[i + 1 :]) for i in range(len(wanted))]
    return sum(min(1.0, count / _AGREEING) for count in agreeing) / len(wanted)


def normalise(text: str) -> str:
    plain = _COMMA_IN_NUMBER.sub("", text.lower().replace("'", "").replace("’", ""))
    plain = _POINT_IN_NUMBER.sub("", _PUNCTUATION.sub(" ", plain))
    return " ".join(_NUMBERS.get(word, word) for word in plain.split() if word not in _ARTICLES)
