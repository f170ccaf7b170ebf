"""Client and server name each other's contract version, and the older side where the two differ."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from vitrine_client import (
    ContractMismatchError,
    FakeTransport,
    InvalidRequestError,
    VqaClient,
    cli,
    commands,
    contract,
)
from vitrine_client.contract import (
    ContractCheck,
    contract_problem,
    question_prefix,
    split_question_prefix,
    version_from_parameters,
)

EN = "What colour is it?"


def refusal(code: str = "INVALID_ARGUMENT") -> InvalidRequestError:
    return InvalidRequestError("no such output", code=code, model="vqa", request_id="7")


def test_health_says_which_contract_the_server_speaks(client: VqaClient) -> None:
    health = client.health()
    assert health.contract_version == contract.CONTRACT_VERSION
    assert not health.contract_problem


@pytest.mark.parametrize(
    ("ours", "words"), [(99, "the server is older, so build"), (0, "the client is older, so upgrade vitrine-client")]
)
def test_a_refusal_by_another_version_is_not_the_callers_fault(
    client: VqaClient, photo: Path, monkeypatch: pytest.MonkeyPatch, ours: int, words: str
) -> None:
    theirs = contract.CONTRACT_VERSION
    monkeypatch.setattr(contract, "CONTRACT_VERSION", ours)
    assert words in client.health().contract_problem
    assert client.ask(photo, EN).text, "what fits is answered"
    for _ in range(2):
        with pytest.raises(ContractMismatchError, match=words) as caught:
            client.ask(photo, " ")
        assert f"version {theirs} of the contract, this client version {ours}" in caught.value.message
        assert "empty or blank" in caught.value.message, "what the server said is not lost"
        assert caught.value.code == "INVALID_ARGUMENT"


@pytest.mark.parametrize("version", [None, contract.CONTRACT_VERSION])
def test_where_versions_are_equal_or_unknown_a_refusal_stays_one(photo: Path, version: int | None) -> None:
    client = VqaClient(transport=FakeTransport({}, contract_version=version))
    with pytest.raises(InvalidRequestError):
        client.ask(photo, " ")


@pytest.mark.parametrize(
    ("parameters", "version"),
    [({}, 0), ({"contract_version": "1"}, 1), ({"contract_version": "12"}, 12), ({"contract_version": "new"}, None)],
)
def test_the_version_is_a_parameter_of_the_config(parameters: dict[str, str], version: int | None) -> None:
    assert version_from_parameters({k: SimpleNamespace(string_value=v) for k, v in parameters.items()}) == version


def test_a_server_from_before_versions_is_older() -> None:
    assert "version 0" in contract_problem(0)
    assert "the server is older" in contract_problem(0)


@pytest.mark.parametrize(
    ("message", "number", "rest"),
    [
        ("question 3 of 16: the question is empty", 3, "the question is empty"),
        ("the photo is empty", None, "the photo is empty"),
        ("in question 3 of 16: x", None, "in question 3 of 16: x"),
    ],
)
def test_a_refusal_names_its_question_at_its_beginning(message: str, number: int | None, rest: str) -> None:
    assert split_question_prefix(message) == (number, rest)


def test_the_server_writes_the_prefix_that_the_client_reads(client: VqaClient, photo: Path) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        client.ask_many(photo, [EN] * 2 + [" "])
    assert caught.value.message.startswith(question_prefix(3, 3))
    assert question_prefix(1, 1) == ""


def test_the_version_is_asked_for_once_a_minute_at_most() -> None:
    now_s = 0.0
    check = ContractCheck(clock=lambda: now_s)
    assert not check.is_due(refusal(code="")), "what this side refused, no server has seen"
    assert check.is_due(refusal())
    assert not check.is_due(refusal())
    check.require_same(contract.CONTRACT_VERSION, refusal())
    assert not check.is_due(refusal())
    now_s = 61.0
    assert check.is_due(refusal())
    with pytest.raises(ContractMismatchError):
        check.require_same(99, refusal())
    assert check.is_due(refusal()), "the next refusal is to say the same"


def test_the_command_line_names_the_older_side_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakeTransport({}, contract_version=0)
    monkeypatch.setattr(commands, "client_of", lambda _: VqaClient(transport=fake))
    monkeypatch.setattr("sys.argv", ["vitrine", "health", "--url", "127.0.0.1:1"])
    assert cli.main() == 1
    said = capsys.readouterr()
    assert said.out.endswith("model vqa loaded: True, contract: 0\n")
    assert "the server is older" in said.err
