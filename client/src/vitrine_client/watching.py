"""When something appears in a video: a question asked about its frames."""

import io
import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from PIL import Image

from vitrine_client.client import VqaClient
from vitrine_client.errors import InvalidRequestError
from vitrine_client.quoting import quote
from vitrine_client.results import Answer, Choice

YES = ("yes", "是", "是的", "有")
_AT_ONCE = 4
_QUALITY = 90


@dataclass(frozen=True)
class Interval:
    """Time in which something shows."""

    start_s: float
    """Time of the first sampled frame that shows it."""
    end_s: float
    """Time of the last one."""
    confidence: float | None
    """Mean probability that the answers about its frames are right, 0 to 1. None: the checkpoint was not calibrated."""


@dataclass(frozen=True)
class Watched:
    """What was seen of a video."""

    intervals: tuple[Interval, ...]
    frames: int
    """Frames that were asked about."""
    until_s: float
    """Time of the last of them."""
    answers: Mapping[str, int]
    """How many frames each certain answer came for, the most frequent first; the rest were handed over."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, fit for `json.dumps`."""
        return asdict(self)


def when(
    client: VqaClient,
    frames: Iterable[tuple[float, Image.Image]],
    question: str,
    *,
    appears: Collection[str] = YES,
    candidates: Sequence[str] | None = None,
    max_risk: float | None = None,
) -> Watched:
    """Ask a question about each frame, and join those of which the answer is a certain one to intervals.

    Frames travel as JPEG, each time the same bytes: of a video that is asked
    about again, the server has the features.

    Args:
        frames: of `video.frames`, or others with their times in seconds, in order.
        question: such as "Is this a mug?" or "这是杯子吗？".
        appears: answers that mean that it shows; case does not count.
        candidates: allowed answers; the question is then asked as a closed list. One of `appears` is among them.
        max_risk: share of such answers that may be wrong. An answer that is handed over counts as one that it does
            not show, but one such frame between two that show it does not part them.

    Raises:
        InvalidRequestError: none of the candidates means that it shows.
        VitrineError: as `video.frames` and `VqaClient.ask`.
    """
    shown = {text.casefold() for text in appears}
    if candidates is not None and not any(str(one).casefold() in shown for one in candidates):
        raise InvalidRequestError(
            f"appears is {quote(list(appears))}, which are no candidates: name those that mean that it shows"
        )

    def ask(frame: tuple[float, Image.Image]) -> tuple[float, Answer | Choice]:
        photo = _jpeg(frame[1])
        if candidates is None:
            return frame[0], client.ask(photo, question, max_risk=max_risk, details=False)
        return frame[0], client.choose(photo, question, candidates, max_risk=max_risk)

    seen: list[tuple[float, Answer | Choice]] = []
    left = iter(frames)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while some := list(itertools.islice(left, _AT_ONCE)):
            seen += pool.map(ask, some)
    hits = [one.status == "answered" and one.text.casefold() in shown for _, one in seen]
    intervals = intervals_of([at_s for at_s, _ in seen], hits, [one.confidence for _, one in seen])
    answers = Counter(one.text for _, one in seen if one.status == "answered")
    return Watched(intervals, len(seen), seen[-1][0] if seen else 0.0, dict(answers.most_common()))


def intervals_of(
    times_s: Sequence[float], hits: Sequence[bool], confidences: Sequence[float | None]
) -> tuple[Interval, ...]:
    """Join frames that show it to intervals.

    One frame between two that show it is taken for one that does; then one that shows it alone, for flicker.

    Args:
        times_s, hits, confidences: of each frame: when it is, whether it shows it, and how sure that is.
    """
    last = len(hits) - 1
    filled = [hit or (0 < n < last and hits[n - 1] and hits[n + 1]) for n, hit in enumerate(hits)]
    lonely = [not any(filled[max(n - 1, 0) : n] + filled[n + 1 : n + 2]) for n in range(len(hits))]
    steady = [hit and not (lonely[n] and last) for n, hit in enumerate(filled)]
    found = []
    for shows, group in itertools.groupby(range(len(hits)), key=lambda number: steady[number]):
        numbers = list(group)
        if shows:
            sure = [confidences[number] or 0.0 for number in numbers if hits[number]]
            confidence = None if None in confidences else sum(sure) / len(sure)
            found.append(Interval(times_s[numbers[0]], times_s[numbers[-1]], confidence))
    return tuple(found)


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
