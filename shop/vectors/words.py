"""What a buyer wishes in words, such as "like this, but blue, under 100 yuan", turned into filters. Pure.

Closed lists and nothing else: what is in none of them is not guessed at, but handed back as not understood.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from shop.vectors.money_words import MONEY, money_from
from shop.vectors.port import Filter
from shop.vectors.vocabulary import FILLING, TERM, meaning_of, one_of, plain_text


@dataclass(frozen=True)
class Meaning:
    """What some of the buyer's words were taken for."""

    words: str
    field: str
    """ "category", "colour", "pattern", "in_stock" or "price"."""
    value: str
    """Word of the closed list; "below 100 CNY" and the like for a price."""
    is_wanted: bool = True


@dataclass(frozen=True)
class Wish:
    filter: Filter
    """What must be: category, price, stock, and what the buyer does not want."""
    wanted: dict[str, tuple[str, ...]]
    """Colours and patterns that come first, where there are such; others follow."""
    understood: tuple[Meaning, ...]
    contradictions: tuple[Meaning, ...]
    """What was understood, but cannot be together with another of these: none of them is used."""
    not_understood: tuple[str, ...]
    """Words that mean nothing here, and are no filling words."""


@dataclass(frozen=True)
class _Bound:
    meaning: Meaning
    bound: str
    amount: float
    currency: str


_BEFORE = {
    "at_most": "at most|no more than|not more than|not over|not above|up to|max|maximum|within|不超过|不高于|不多于|最多|最高|最贵",
    "at_least": "at least|no less than|not less than|not under|not below|min|minimum|不低于|不少于|至少|最低|起码|最少",
    "below": "under|below|less than|cheaper than|lower than|不到|低于|少于|小于|便宜于",
    "above": "over|above|more than|higher than|高于|超过|大于|多于",
}
_AFTER = {
    "at_most": "or less|or below|or under|or cheaper|max|以内|以下|之内|之下|内|封顶",
    "at_least": "or more|or above|or over|and up|以上|之上|起",
}
_BOUND_OF = {"cheaper": "below"}
_CHINESE_FILLING = re.compile(one_of(one for one in FILLING if not one.isascii()))
_LONGEST = 1000
"""Characters that are read."""
_M, _T = "[\ue000-\uefff]", "[\uf000-\uf8ff]"  # in place of money, and of a term of the closed lists
_NOT = (
    r"(?:(?<![a-z])(?:not want|not|neither|nor|no|without|except for|except|other than|anything but|"
    r"(?:don't|dont|do not|can't stand|cannot stand) ?(?:want|like|need)?|never|avoid|hates?|dislikes?|exclud(?:e|ing)|instead of|skip)"
    r"(?: (?:in|any|a|an|the|both))*\s*|(?:不要|不想要|(?<![特分区个级性类])别[给要买拿是]我?|别推荐|不是|不喜欢|不爱|讨厌|拒绝|避开|排除|不考虑|不买|除了|非)\s*)"
)
_PHRASE = re.compile(
    "|".join(
        [rf"(?:between|from)\s*(?P<low>{_M})\s*(?:and|to|-|–)\s*(?P<high>{_M})|(?P<low_2>{_M})\s*(?:到|至|和|-|–|~|to)\s*(?P<high_2>{_M})(?:\s*之?间)?"]
        + [rf"(?:{one_of(words.split('|'))})\s*(?P<before_{bound}>{_M})" for bound, words in _BEFORE.items()]
        + [rf"(?P<after_{bound}>{_M})\s*(?:{one_of(words.split('|'))})" for bound, words in _AFTER.items()]
        + [r"(?P<cheaper>(?<![a-z])(?:cheaper|less expensive)(?![a-z])|[更再]?便宜(?:一?点|一些)?)"]
        + [rf"{_NOT}(?P<not>{_T}(?:\s*(?:or|nor|and|和|或者?|、)\s*{_T})*)(?:以外|之外|除外)?|(?P<not_2>{_T}(?:的?\s*(?:和|或者?|、)\s*{_T})*)的?(?:就|都)?(?:以外|之外|除外|不行|不好(?![看吗用])|算了|免谈|不(?:喜欢|考虑|要)(?!\s*{_T}))"]
        + [rf"(?P<term>{_T})"]
    )
)  # fmt: skip


def wish_from_words(text: str, shop: str, *, currency: str = "CNY", price: float | None = None) -> Wish:
    """Read what a buyer wishes.

    Args:
        text: in English, Chinese or both.
        currency: of the shop, where the buyer names none.
        price: of the product that is looked at, in that currency: what "cheaper" means; None: not known.
    """
    kept: list[re.Match[str]] = []

    def keep(match: re.Match[str], first: str) -> str:
        kept.append(match)
        return chr(ord(first) + len(kept) - 1)

    rest = re.sub("[\ue000-\uf8ff]", " ", plain_text(text[:_LONGEST]))
    rest = MONEY.sub(lambda match: keep(match, "\ue000"), rest)
    rest = TERM.sub(lambda match: keep(match, "\uf000"), rest)
    meanings: list[Meaning] = []
    bounds: list[_Bound] = []

    def words(marked: str) -> str:
        return re.sub("[\ue000-\uf8ff]", lambda mark: kept[ord(mark[0]) & 0xFFF][0], marked).strip()

    def read(match: re.Match[str]) -> str:
        name, marks = next((name, value) for name, value in match.groupdict().items() if value)
        if name == "cheaper":
            amounts = [] if price is None else [(price, currency)]
        elif name.startswith(("term", "not")):
            for mark in re.findall(_T, marks):
                field, value = meaning_of(kept[ord(mark) & 0xFFF][0])
                meanings.append(Meaning(words(match[0]), field, value, not name.startswith("not")))
            return "\n"
        else:
            found = [money_from(kept[ord(mark) & 0xFFF]) for mark in re.findall(_M, match[0])]
            named = next((unit for _, unit in found if unit), None)
            if name == "low_2" and named is None and not match[0].endswith("间"):
                return match[0]  # 2-3 may be anything
            amounts = [(amount, unit or named or currency) for amount, unit in found]
        bound_names = ("at_least", "at_most") if len(amounts) == 2 else (_BOUND_OF.get(name, name.partition("_")[2]),)
        for bound, (amount, unit) in zip(bound_names, sorted(amounts), strict=False):
            meaning = Meaning(words(match[0]), "price", f"{bound.replace('_', ' ')} {amount:g} {unit}")
            bounds.append(_Bound(meaning, bound, amount, unit))
        return "\n" if amounts else match[0]

    rest = words(_PHRASE.sub(read, rest))
    return _wish(Filter(shop), meanings, bounds, _left_over(rest))


def _left_over(rest: str) -> tuple[str, ...]:
    pieces = re.findall(r"[a-z0-9'.$€£¥]+|[^\W a-z0-9_]+", rest)
    pieces = [one for piece in pieces for one in ([piece] if piece.isascii() else _CHINESE_FILLING.split(piece))]
    return tuple(piece for piece in pieces if piece.strip("'.") and piece not in FILLING)


def _wish(filter: Filter, meanings: Sequence[Meaning], bounds: Sequence[_Bound], rest: tuple[str, ...]) -> Wish:
    against = _contradicting_words(meanings)
    understood = [one for one in meanings if one not in against]
    if _is_contradictory(bounds):
        against += [one.meaning for one in bounds]
    elif bounds:
        understood += [one.meaning for one in bounds]
        filter = replace(filter, currency=bounds[0].currency, **_tightest(bounds))
    wanted: dict[str, tuple[str, ...]] = {}
    none_of: dict[str, tuple[str, ...]] = {}
    for one in understood:
        if one.field != "price":
            side = wanted if one.is_wanted else none_of
            side[one.field] = tuple(dict.fromkeys((*side.get(one.field, ()), one.value)))
    must: dict[str, tuple[str, ...]] = {name: wanted.pop(name) for name in ("category", "in_stock") if name in wanted}
    return Wish(replace(filter, any_of=must, none_of=none_of), wanted, tuple(understood), tuple(against), rest)


def _contradicting_words(meanings: Sequence[Meaning]) -> list[Meaning]:
    """Return what is both wanted and not, and stock that shall be there and not."""
    said = {(one.field, one.value, one.is_wanted) for one in meanings}
    both = {(field, value) for field, value, is_wanted in said if (field, value, not is_wanted) in said}
    if {("in_stock", "yes", True), ("in_stock", "no", True)} <= said:
        both |= {("in_stock", "yes"), ("in_stock", "no")}
    return [one for one in meanings if (one.field, one.value) in both]


def _is_contradictory(bounds: Sequence[_Bound]) -> bool:
    """Tell whether no price can meet all bounds, or they are in several currencies."""
    low = max((one.amount for one in bounds if one.bound in ("above", "at_least")), default=float("-inf"))
    high = min((one.amount for one in bounds if one.bound in ("below", "at_most")), default=float("inf"))
    is_open = any(one.bound in ("above", "below") and one.amount == low for one in bounds)
    return len({one.currency for one in bounds}) > 1 or low > high or (low == high and is_open)


def _tightest(bounds: Sequence[_Bound]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in bounds:
        choose = min if one.bound in ("below", "at_most") else max
        found[f"price_{one.bound}"] = choose(one.amount, found.get(f"price_{one.bound}", one.amount))
    return found
