"""When a call is sent again, in a time of its own: an outage costs two calls a second, overload is paid for."""

import random

from vitrine_client.retries import Retries


class World:
    """A clock, and a server that takes a share of the calls."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.retries = Retries(clock=lambda: self.now_s, draw=random.Random(0).random)
        self.sent = 0

    def call(self, *, is_taken: bool, deadline_s: float = 15.0) -> str:
        """One call from beginning to end, with nobody beside it."""
        end_s, attempts = self.now_s + deadline_s, 0
        while self.now_s < end_s:
            if wait_s := self.retries.turn_s():
                self.now_s += wait_s
                continue
            attempts += 1
            self.sent += 1
            self.retries.note(was_taken=is_taken)
            if is_taken:
                return "taken"
            wait_again_s = self.retries.backoff_s(attempts)
            if wait_again_s is None:
                return "the budget is used up"
            self.now_s += wait_again_s
        return "late"


def test_a_call_is_tried_until_its_deadline_about_twice_a_second() -> None:
    world = World()
    assert world.call(is_taken=False) == "late"
    assert 20 < world.sent < 45


def test_an_outage_costs_no_budget_however_long() -> None:
    world = World()
    for _ in range(200):
        assert world.call(is_taken=False) == "late"
    assert world.sent < 2.2 * world.now_s + 10
    assert world.call(is_taken=True) == "taken"
    assert not world.retries.is_down()
    assert world.retries.turn_s() == 0


def test_all_callers_together_send_two_a_second_to_a_server_that_is_down() -> None:
    world = World()
    for _ in range(5):
        world.retries.note(was_taken=False)
    world.now_s += 1
    assert world.retries.is_down()
    turns = [world.retries.turn_s() for _ in range(1000)]
    assert turns.count(0.0) == 1
    assert all(0 < wait_s <= 0.75 for wait_s in turns[1:])
    assert len({round(wait_s, 4) for wait_s in turns}) > 500, "they come back spread"
    world.now_s += 0.5
    assert [world.retries.turn_s() for _ in range(1000)].count(0.0) == 1


def test_the_end_of_an_outage_is_told_once() -> None:
    world = World()
    for _ in range(5):
        assert world.retries.note(was_taken=False) is None
    world.now_s += 8
    assert world.retries.note(was_taken=True) == 8
    assert world.retries.note(was_taken=True) is None


def test_overload_is_not_made_worse() -> None:
    """A fifth of the calls is taken: in the long run one call in fifty more is sent, for each that is taken a tenth."""
    world, draw = World(), random.Random(1)
    calls = 20_000
    for _ in range(calls):
        world.now_s += 0.002
        attempts = 0
        while True:
            attempts += 1
            world.sent += 1
            is_taken = draw.random() < 0.2
            world.retries.note(was_taken=is_taken)
            if is_taken or world.retries.backoff_s(attempts) is None:
                break
    assert world.sent - calls < 1000 + 0.1 * 0.25 * world.sent


def test_some_refusals_at_one_moment_are_no_outage() -> None:
    world = World()
    world.retries.note(was_taken=True)
    for _ in range(300):
        world.retries.note(was_taken=False)
    assert not world.retries.is_down(), "many callers may be refused at once by a queue that is full"
    assert world.retries.turn_s() == 0
