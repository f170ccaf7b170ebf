"""Tells whether a question can be answered by yes or no, in English and Chinese.

A model that does not understand a question may still say "yes". So a yes or a
no is given only where the question's own words ask for one: an English one
that begins with a verb ("is it ...", "..., right?"), a Chinese one with 吗,
是不是 and the like. It errs towards a person: a question of another form is
handed over, even where a yes would have been right.
"""

import re
import unicodedata

YES_OR_NO = frozenset({"yes", "no", "是", "不是", "对", "不对", "是的", "否", "有", "没有", "對", "不對", "沒有"})

_PUNCTUATION = re.compile(r"[\W_]+")
_VERBS = (
    "is|are|was|were|am|do|does|did|has|have|had|can|could|will|would|should|shall|may|might|must|"
    "isn't|aren't|wasn't|weren't|don't|doesn't|didn't|hasn't|haven't|can't|couldn't|won't|wouldn't|shouldn't"
)
_ASKS_WHICH_EN = re.compile(
    r"\b(what|whats|wat|which|wich|who|whom|whose|when|where|why|how)\b|\bor\b(?! not\b)"
    r"|\b(name|identify|count|describe|guess)\b(?! of\b)|\b(?:tell me|know) (?:the|its)\b"
)
_ASKS_WHETHER_EN = re.compile(
    rf"(?:^|[,.;:!?]|\b(?:if|whether|and|so|but|hi|hey|hello|please|pls|ok|sorry|yo|um)\b)\s*(?:{_VERBS})\b|\b(?:if|whether)\b"
)
# "it is red, right?" and "it is red?": a statement that asks to be confirmed, whatever its first word.
_CONFIRM_EN = re.compile(rf",\s*(?:right|correct|yes|no|true|(?:{_VERBS}) (?:it|they|this|that|there|you))\b")
_STATED_EN = re.compile(r"\bwhat (?:you|i|we) see\b")
_STATEMENT_EN = re.compile(r"^(?:it|this|that|these|those|they|there)(?:'s| is| are| has| have)\b.*\?$")
_ASKS_WHICH_ZH = re.compile(
    "什么|什麼|甚麼|啥|哪|几|幾|多少|谁|誰|怎|咋|为何|為何|何时|多[大重长高久远]|还是|還是|能[说說]出[^是]*的|看得出"
)
_ASKS_WHETHER_ZH = re.compile(
    r"[吗嗎]|\w[吧嘛](?!\w)|(?<![什甚怎多那这要])[么麼](?!\w)|(\w)[不没沒]\1|是否|有没有|有沒有|\w[不没沒][呀啊]?(?!\w)"
)


def asks_yes_or_no(question: str) -> bool:
    """Return whether the words of a question ask for a yes or a no."""
    text = " ".join(unicodedata.normalize("NFKC", question).lower().replace("’", "'").split())
    if _CONFIRM_EN.search(text) and (_STATED_EN.search(text) or not _ASKS_WHICH_EN.search(text)):
        return True
    if _ASKS_WHICH_EN.search(text) or _ASKS_WHICH_ZH.search(text):
        return False
    return bool(_ASKS_WHETHER_EN.search(text) or _STATEMENT_EN.search(text) or _ASKS_WHETHER_ZH.search(text))


def misses_the_question(answer: str, question: str) -> bool:
    """Return whether an answer says yes or no to a question that asks for neither."""
    words = _PUNCTUATION.sub("", unicodedata.normalize("NFKC", answer).lower())
    return words in YES_OR_NO and not asks_yes_or_no(question)
