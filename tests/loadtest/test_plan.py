"""The plan: the same requests for the same seed, in the shares that the scenario names."""

from itertools import islice

import pytest

from catalogue.questions import words
from loadtest.plan import Request, plan_requests
from loadtest.scenario import NAMED, Scenario


def first(scenario: Scenario, count: int, seed: int = 0) -> list[Request]:
    return list(islice(plan_requests(scenario, seed), count))


@pytest.mark.parametrize("name", NAMED)
def test_one_seed_is_one_order(name: str) -> None:
    assert first(NAMED[name], 300) == first(NAMED[name], 300)
    assert first(NAMED[name], 300) != first(NAMED[name], 300, seed=1)


def test_the_shares_are_those_of_the_scenario() -> None:
    scenario = Scenario("mix", chinese_ratio=0.8, choose_ratio=0.3, embed_ratio=0.2, invalid_ratio=0.1)
    requests = first(scenario, 4000)
    share = {kind: sum(r.kind == kind for r in requests) / 4000 for kind in ("ask", "choose", "embed", "invalid")}
    assert share == pytest.approx({"invalid": 0.1, "embed": 0.18, "choose": 0.27, "ask": 0.45}, abs=0.02)
    asked = [r.question for r in requests if r.kind == "ask"]
    assert sum(not question.isascii() for question in asked) / len(asked) == pytest.approx(0.8, abs=0.03)


def test_every_photo_is_new_in_the_listing_and_few_are_in_customer_service() -> None:
    listing = [request.photo for request in first(NAMED["listing"], 400)]
    assert listing == [number // 4 for number in range(400)]
    service = [request.photo for request in first(NAMED["customer_service"], 2000)]
    assert len(set(service)) == pytest.approx(200, abs=60)
    assert service.count(0) > 10 * service.count(sorted(service)[-1]), "popular photos come more often"


def test_lists_fit_their_question_in_both_languages() -> None:
    requests = [r for r in first(Scenario("lists", choose_ratio=1.0), 200) if r.kind == "choose"]
    assert len(requests) == 200
    attributes = ("category", "colour", "pattern", "count")
    values = {word for name in attributes for word in words(name, "en") + words(name, "zh")}
    for request in requests:
        assert set(request.candidates) <= values
        assert 1 < len(request.candidates) <= 10
        assert request.question.isascii() == request.candidates[0].isascii() or request.candidates[0].isdigit()


def test_long_questions_are_longer() -> None:
    def length(ratio: float) -> float:
        requests = first(Scenario("x", long_question_ratio=ratio, chinese_ratio=0), 400)
        return sum(len(request.question) for request in requests) / 400

    assert length(1.0) > 1.15 * length(0.0)


def test_an_invalid_request_is_a_broken_photo_or_a_blank_question() -> None:
    blank = [not request.question for request in first(Scenario("bad", invalid_ratio=1.0), 200)]
    assert 60 < sum(blank) < 140
