"""Simulation of servers that answer questions: their queues, their caches, and the processors that they share.

A question passes two stages: the photo's features, which a photo in the server's cache does without, and the answer.
How much longer each takes the more requests are under way is measured, so that batches, steps and queues inside a
server need no model of their own (a flow-equivalent server: Chandy, Herzog and Woo, "Parametric analysis of queuing
networks", 1975).
"""

import heapq
import math
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from loadtest.options import Dispatch
from loadtest.samples import CODES, SAMPLE

_FEATURES, _ANSWER = range(2)
_REFUSED = CODES.index("UNAVAILABLE")
_MOST_LOAD = 1.5  # as the gateway has it (serving/door/gateway_servers.py)


class StageTimesError(ValueError):
    """Times that cannot be; says what came, and what is expected."""


@dataclass(frozen=True)
class StageTimes:
    """Times of one server's stages, and how they grow with the number of requests under way."""

    cores: int
    """Processor cores that it was measured on."""
    known_ms: tuple[float, ...]
    """Times of single questions about known photos: those of the answer."""
    new_ms: tuple[float, ...]
    """Times of single questions about new photos: those of both stages."""
    under_way: tuple[int, ...]
    """Numbers of requests under way at which the factors below were measured: 1, and rising."""
    features_slower: tuple[float, ...]
    """Factor by which the features take longer, for each of them; 1 and more."""
    answer_slower: tuple[float, ...]
    """The same of the answer."""

    def __post_init__(self) -> None:
        """
        Raises:
            StageTimesError: a value is out of range.
        """
        for name in ("known_ms", "new_ms", "under_way", "features_slower", "answer_slower"):
            values, least = getattr(self, name), 0.001 if name.endswith("_ms") else 1
            wrong = [one for one in values if type(one) not in (int, float) or not least <= one < math.inf]
            if wrong or not values:
                came = str(wrong[0])[:80] if wrong else "nothing"
                raise StageTimesError(f"{came} came in {name}, but numbers of {least} and more are expected")
        if self.under_way[0] != 1 or any(low >= high for low, high in pairwise(self.under_way)):
            raise StageTimesError(f"under_way is {self.under_way}, but 1 and then rising numbers are expected")
        counts = (len(self.features_slower), len(self.answer_slower))
        if counts != (len(self.under_way),) * 2:
            raise StageTimesError(f"{counts} factors came, but {len(self.under_way)} of each stage are expected")
        if type(self.cores) is not int or self.cores < 1:
            raise StageTimesError(f"cores is {str(self.cores)[:80]}, but a whole number of 1 and more is expected")


@dataclass(frozen=True)
class Fleet:
    """Servers, and the way of requests to them."""

    servers: int
    cores: int
    """Processor cores of each server, or of all together where they are shared."""
    dispatch: Dispatch
    """`round_robin`: in turn. `affinity`: each photo to a server of its own (rendezvous hashing), and to the next one
    while that has over 1.5 times the mean to do."""
    cache_entries: int
    """Photos whose features each server keeps; the one that was asked about longest ago goes first."""
    at_once: int
    """Requests that a server works on at the same time."""
    most_waiting: int
    """Requests that wait at a server beyond those; all others are refused."""
    shares_cores: bool = False
    """Switch for servers that all run on the same cores."""


@dataclass(frozen=True)
class Simulated:
    """Requests, as of a real run."""

    samples: NDArray[np.void]
    """[requests] of `loadtest.samples.SAMPLE`."""
    has_hit: NDArray[np.bool_]
    """[requests]: whether the photo was in the cache; False where the request was refused."""


@dataclass
class _Machine:
    """Cores of one or more servers. A stage's clock tells how much work a request in that stage would have got."""

    number: int
    speeds: tuple[Sequence[float], Sequence[float]]
    """Speed of each stage by the number of requests under way: 1 for a request alone."""
    now_s: float = 0.0
    running: int = 0
    clocks_s: list[float] = field(default_factory=lambda: [0.0, 0.0])
    ends: tuple[list[tuple[float, int]], list[tuple[float, int]]] = field(default_factory=lambda: ([], []))
    """For each stage, a heap of the clock's times at which requests end it, and the requests."""
    changes: int = 0
    """Number of times that `next_end` was asked; what it said before does not hold any more."""

    def advance(self, now_s: float) -> None:
        passed_s = now_s - self.now_s
        for stage in (_FEATURES, _ANSWER):
            self.clocks_s[stage] += passed_s * self.speeds[stage][self.running]
        self.now_s = now_s

    def next_end(self) -> tuple[float, int, int, int]:
        """Return when a request ends its stage next, if none comes before; and the machine, the changes, the stage."""
        self.changes += 1
        return min(
            (self.now_s + (ends[0][0] - clock_s) / speeds[self.running], self.number, self.changes, stage)
            for stage, (ends, clock_s, speeds) in enumerate(zip(self.ends, self.clocks_s, self.speeds, strict=True))
            if ends
        )


@dataclass
class _Server:
    machine: _Machine
    running: int = 0
    waiting: deque[int] = field(default_factory=deque)
    cache: OrderedDict[int, None] = field(default_factory=OrderedDict)

    @property
    def load(self) -> int:
        return self.running + len(self.waiting)


@dataclass
class _State:
    """All that changes while requests are simulated."""

    fleet: Fleet
    photos: Sequence[int]
    works_s: tuple[Sequence[float], Sequence[float], Sequence[float]]
    """Seconds of each request alone: its features, its answer for a new photo, and for a known one."""
    servers: list[_Server]
    has_hit: NDArray[np.bool_]
    ends_s: list[float]
    """End of each request; infinite for those that were refused."""
    at: list[int]
    """Server of each request."""
    agenda: list[tuple[float, int, int, int]] = field(default_factory=list)
    under_way: int = 0

    def begin(self, request: int) -> None:
        """Let a server begin with a request; its machine has been advanced to now."""
        server, photo = self.servers[self.at[request]], self.photos[request]
        if is_known := photo in server.cache:
            server.cache.move_to_end(photo)
        self.has_hit[request] = is_known
        server.running += 1
        server.machine.running += 1
        self.work(request, _ANSWER if is_known else _FEATURES, self.works_s[2 if is_known else 0][request])

    def work(self, request: int, stage: int, work_s: float) -> None:
        machine = self.servers[self.at[request]].machine
        heapq.heappush(machine.ends[stage], (machine.clocks_s[stage] + work_s, request))

    def arrive(self, request: int, now_s: float) -> None:
        """Let a request come to its server."""
        server = self.servers[self.at[request]]
        if server.running >= self.fleet.at_once:
            if len(server.waiting) < self.fleet.most_waiting:
                server.waiting.append(request)
                self.under_way += 1
            return
        self.under_way += 1
        server.machine.advance(now_s)
        self.begin(request)
        heapq.heappush(self.agenda, server.machine.next_end())

    def end(self, now_s: float, machine: _Machine, stage: int) -> None:
        """End a stage of the request that has come to its end."""
        machine.advance(now_s)
        _, request = heapq.heappop(machine.ends[stage])
        server = self.servers[self.at[request]]
        if stage == _FEATURES:
            _remember(server.cache, self.photos[request], self.fleet.cache_entries)
            self.work(request, _ANSWER, self.works_s[1][request])
        else:
            self.ends_s[request] = now_s
            self.under_way -= 1
            server.running -= 1
            machine.running -= 1
            if server.waiting:
                self.begin(server.waiting.popleft())
        if machine.running:
            heapq.heappush(self.agenda, machine.next_end())


def simulate(times: StageTimes, fleet: Fleet, due_s: Sequence[float], photos: Sequence[int], seed: int) -> Simulated:
    """Send requests to servers that are not there.

    Args:
        due_s: when each request comes, in seconds, rising.
        photos: number of each request's photo.
        seed: draws how long each request takes.
    """
    count = len(due_s)
    machines = _machines(times, fleet)
    servers = [_Server(machines[0 if fleet.shares_cores else number]) for number in range(fleet.servers)]
    works_s = _works_s(times, count, seed)
    state = _State(fleet, photos, works_s, servers, np.zeros(count, np.bool_), [math.inf] * count, [0] * count)
    choose = _in_turn(servers) if fleet.dispatch == "round_robin" else _by_photo(servers)
    for request, now_s in enumerate([*due_s, math.inf]):
        while state.agenda and state.agenda[0][0] <= now_s:
            end_s, number, changes, stage = heapq.heappop(state.agenda)
            if changes == machines[number].changes:
                state.end(end_s, machines[number], stage)
        if request < count:
            state.at[request] = choose(request, photos[request], state.under_way)
            state.arrive(request, now_s)
    samples = np.zeros(count, SAMPLE)
    samples["intended_s"] = due_s
    is_answered = np.isfinite(state.ends_s)
    samples["latency_s"] = np.where(is_answered, state.ends_s, due_s) - np.asarray(due_s)
    samples["code"] = np.where(is_answered, 0, _REFUSED)
    return Simulated(samples, state.has_hit)


def _machines(times: StageTimes, fleet: Fleet) -> list[_Machine]:
    """Make the machines. With other cores than were measured, as many requests a core are equally slow."""
    most = fleet.at_once * (fleet.servers if fleet.shares_cores else 1)
    each = np.maximum(np.arange(most + 1) * times.cores / fleet.cores, 1)
    beyond = np.maximum(each / times.under_way[-1], 1)  # all the work done a second stays as it is
    slower = [
        beyond * np.interp(each, times.under_way, factors) for factors in (times.features_slower, times.answer_slower)
    ]
    speeds = tuple((1 / one).tolist() for one in slower)
    return [_Machine(number, speeds) for number in range(1 if fleet.shares_cores else fleet.servers)]


def _works_s(times: StageTimes, count: int, seed: int) -> tuple[list[float], list[float], list[float]]:
    """Draw the times of all requests, each as if its photo were new and as if it were known."""
    random = np.random.default_rng(seed)
    new_s, known_s = (random.choice(ms, count) / 1000 for ms in (times.new_ms, times.known_ms))
    answer_share = min(float(np.mean(times.known_ms) / np.mean(times.new_ms)), 1.0)
    return ((1 - answer_share) * new_s).tolist(), (answer_share * new_s).tolist(), known_s.tolist()


def _remember(cache: OrderedDict[int, None], photo: int, most: int) -> None:
    cache[photo] = None
    cache.move_to_end(photo)
    if len(cache) > most:
        cache.popitem(last=False)


def _in_turn(servers: Sequence[_Server]) -> Callable[[int, int, int], int]:
    return lambda request, photo, under_way: request % len(servers)


def _by_photo(servers: Sequence[_Server]) -> Callable[[int, int, int], int]:
    orders: dict[int, list[int]] = {}

    def choose(request: int, photo: int, under_way: int) -> int:
        if photo not in orders:
            orders[photo] = sorted(range(len(servers)), key=lambda number: hash((photo, number)))
        most = math.ceil(_MOST_LOAD * (under_way + 1) / len(servers))
        return next(number for number in orders[photo] if servers[number].load < most)

    return choose
