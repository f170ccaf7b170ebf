"""Answers that are printed on the product: questions after a fact, answered by the line that says it."""

import re
import unicodedata

import numpy as np
from numpy.typing import NDArray

from vitrine_client.errors import InvalidRequestError
from vitrine_client.facts import Fact, facts_in
from vitrine_client.reading import Box, Reading
from vitrine_client.results import Answer

TEXT = "text"
"""`Answer.source` of an answer that was read off the photo."""
_NO_CONTEXT = ("reads the photo and the question only", "the context has")
"""Parts of the refusals of a context: by a checkpoint that takes none, and of one that is too long for it."""
_PRINTED = "Printed on the product:"
_MOST_CONTEXT_BYTES = 2000
_GRID = 32
_QUESTIONS: tuple[tuple[str, str], ...] = (
    (
        "count",
        r"how many .*\b(?:in (?:a|the|this|one)|per) (?:pack\w*|box|bag|bottle|set)\b"
        r"|(?:每|一)[盒包袋瓶套]\S{0,2}(?:几|多少)",
    ),
    ("shelf_life", r"保质期(?!至|到)|能放多久|shelf\s*life|how long (?:does|will|can) (?:it|this) (?:keep|last)"),
    ("best_before", r"保质期(?:至|到)|有效期|什么时候过期|何时过期|best\s*before|\buse\s*by\b|expir"),
    ("made", r"生产日期|什么时候(?:生产|做)的|(?:production|manufactur\w*)\s*date|when was (?:it|this) made"),
    ("net_content", r"净含量|净重|net\s*(?:weight|content|wt)|how much does (?:it|this) weigh"),
    ("price", r"价格|零售价|多少钱|卖多少|\bprice\b|how much (?:is (?:it|this)\b|does (?:it|this) cost)"),
    ("model", r"型号|model (?:no|number)\b|which model\b|what model\b"),
    ("size", r"尺码|什么码|多大码|what size\b"),
    ("standard", r"执行标准|什么标准|(?:which|what) standard"),
    ("ingredients", r"配料|\bingredients\b"),
    (
        "percentage",
        r"含(?:棉|毛|麻|绒)量|百分之几|(?:how many|what) percent|面料成分|^成分(?:是什么)?[?？]?$"
        r"|fib(?:re|er) composition",
    ),
    ("gtin", r"条形码|条码(?!数)|\bbarcode\b|\bgtin\b|\bean (?:code|number)\b"),
)
"""Kind of fact, and the questions that ask for it; the first that fits counts."""
_LISTED = ("percentage",)
"""Kinds of which a product has several, all of which are the answer."""


_CUES = {
    "count": r"\d\s?(?:pcs|pieces|capsules|tablets|[片袋支粒个枚])|(?:pack|box|set) of \d|每[盒包袋瓶]",
    "shelf_life": r"保质|有效期|shelf|\blife\b|开封|open",
    "best_before": r"best|\bexp|use\s*by|\bbbe?\b|过期|有效|食用日期|保质期至",
    "made": r"生产|制造|\bmf[gd]\b|\bmade\b|production|manufactur",
    "net_content": r"净|\bnet\b|\d\s?(?:g|kg|ml|l|oz|克|千克|毫升|升)\b",
    "price": r"[$€£¥₩₹元]|价|price|\b(?:usd|eur|gbp|cny|rmb|rs)\b",
    "model": r"型号|\bmodel\b",
    "size": r"尺码|号型|\bsize\b",
    "standard": r"标准|\b(?:gb|iso|en)\b",
    "ingredients": r"配料|ingredient",
    "percentage": r"%",
    "gtin": r"\d{8}",
}
"""What stands in lines that may say such a fact, even where they were not understood."""
_SAID_ONCE = ("price", "best_before", "made", "size", "model", "shelf_life")
"""Kinds of which a second line that may say them makes the first one doubtful."""
_OF_ANOTHER_STATE = re.compile(r"开封|开启后|after open|once (?:it is )?open", re.IGNORECASE)
_UNCLEAR = "the photo shows text that may say it, but not clearly"


def fact_asked(question: str) -> str | None:
    """Tell which kind of fact a question asks for; None: for none that is printed."""
    return next((kind for kind, pattern in _QUESTIONS if re.search(pattern, question, re.IGNORECASE)), None)


def answer_from_text(question: str, reading: Reading) -> Answer | None:
    """Answer a question from what was read, in the words that are printed.

    Returns:
        The answer; a hand-over, where lines that may say it are not sure, not understood, or say different things: a
        model that cannot read would say that the photo does not show it. None: it asks for nothing that is printed, or
        no line may say it.
    """
    kind = fact_asked(question)
    if kind is None:
        return None
    facts = [fact for fact in facts_in(reading) if fact.kind == kind and not _OF_ANOTHER_STATE.search(question)]
    said = {fact.line for fact in facts}
    texts = [unicodedata.normalize("NFKC", line.text) for line in reading.lines]
    cues = [n for n, text in enumerate(texts) if n not in said and re.search(_CUES[kind], text, re.IGNORECASE)]
    is_clear = len({fact.value for fact in facts}) == 1 and not (cues and kind in _SAID_ONCE)
    if not is_clear and not (facts and kind in _LISTED):
        return _hand_over(reading) if facts or cues else None
    chosen = facts if kind in _LISTED else facts[:1]
    return Answer(
        text=_words(chosen, reading),
        status="answered",
        confidence=min(fact.confidence or 0.0 for fact in chosen),
        reason="",
        alternatives=(),
        heatmap=_heatmap([_box_of(fact, reading) for fact in chosen]),
        release=reading.release,
        request_id=reading.request_id,
        source=TEXT,
    )


def _hand_over(reading: Reading) -> Answer:
    return Answer(
        text="",
        status="hand_over",
        confidence=None,
        reason=_UNCLEAR,
        alternatives=(),
        heatmap=np.zeros((0, 0), np.float32),
        release=reading.release,
        request_id=reading.request_id,
        source=TEXT,
    )


def context_with_text(context: str | None, reading: Reading) -> str | None:
    """Add the sure lines to what the shop knows, as many as a context may hold.

    Returns:
        `context` itself where nothing sure was read.
    """
    known = [] if context is None else [context]
    lines = [line.text for line in reading.lines if line.status == "sure"]
    while lines:
        whole = "\n".join([*known, _PRINTED, *lines])
        if len(whole.encode("utf-8", "surrogatepass")) <= _MOST_CONTEXT_BYTES:
            return whole
        lines.pop()
    return context


def refuses_context(error: InvalidRequestError) -> bool:
    """Tell whether a server refused a question for the context that was sent with it."""
    return any(part in error.message for part in _NO_CONTEXT)


def refuses_every_context(error: InvalidRequestError) -> bool:
    """Tell whether the checkpoint takes no context at all, rather than not one so long."""
    return _NO_CONTEXT[0] in error.message


def _words(facts: list[Fact], reading: Reading) -> str:
    """Words of an answer: the part that is printed, and of a percentage its whole line, which says of what it is."""
    if facts[0].kind not in _LISTED:
        return facts[0].printed
    numbers = dict.fromkeys(fact.line for fact in facts if fact.line is not None)
    return "; ".join(reading.lines[number].text for number in numbers)


def _box_of(fact: Fact, reading: Reading) -> Box:
    if fact.line is not None:
        return reading.lines[fact.line].box
    return next(code.box for code in reading.codes if code.text == fact.printed)


def _heatmap(boxes: list[Box]) -> NDArray[np.float32]:
    """[32, 32], summing to 1: where the boxes are."""
    heat = np.zeros((_GRID, _GRID), np.float32)
    for box in boxes:
        first = np.clip(np.floor(np.min(box, axis=0) * _GRID), 0, _GRID - 1).astype(int)
        last = np.clip(np.ceil(np.max(box, axis=0) * _GRID), first + 1, _GRID).astype(int)
        heat[first[1] : last[1], first[0] : last[0]] = 1
    shares: NDArray[np.float32] = heat / heat.sum()
    return shares
