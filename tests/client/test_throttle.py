"""The throttle, in a time of its own: callers who ask at even distances, and a server with a short queue."""

import itertools
import random

from vitrine_client.throttle import Throttle

QUEUE = 20


class World:
    def __init__(self) -> None:
        self.now_s = self.waiting = 0.0
        self.throttle = Throttle(clock=lambda: self.now_s, draw=random.Random(0).random)

    def run(self, seconds: float, *, asked: float, capacity: float) -> tuple[float, float]:
        """Calls a second that were sent, and that were taken."""
        sent = taken = 0
        end_s = self.now_s + seconds
        for _ in itertools.takewhile(lambda _: self.now_s < end_s, itertools.count()):
            self.now_s += 1 / asked
            self.waiting = max(0.0, self.waiting - capacity / asked)
            if self.throttle.may_send():
                sent += 1
                is_taken = capacity > 0 and self.waiting < QUEUE
                self.waiting += is_taken
                taken += is_taken
                self.throttle.note(was_taken=is_taken)
        return sent / seconds, taken / seconds


def test_nothing_is_refused_while_the_server_takes_everything() -> None:
    sent, taken = World().run(10, asked=100, capacity=100)
    assert sent == taken >= 100


def test_at_five_times_the_capacity_little_is_sent_in_vain_and_nothing_is_lost() -> None:
    world = World()
    world.run(5, asked=500, capacity=100)
    sent, taken = world.run(30, asked=500, capacity=100)
    assert taken >= 0.97 * 100
    assert sent < 3 * 100


def test_an_outage_is_not_hammered_and_its_end_is_noticed() -> None:
    world = World()
    world.run(3, asked=100, capacity=100)
    world.run(5, asked=100, capacity=0)
    sent, _ = world.run(20, asked=100, capacity=0)
    assert sent < 25
    world.run(2, asked=100, capacity=100)
    _, taken = world.run(5, asked=100, capacity=100)
    assert taken > 97


def test_an_outage_of_long_ago_is_forgotten() -> None:
    world = World()
    world.run(5, asked=100, capacity=0)
    world.now_s += 60
    assert all(world.throttle.may_send() for _ in range(100))
