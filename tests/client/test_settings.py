"""Argument, else environment, else default; in both clients and on the command line alike."""

from pathlib import Path

import pytest
from vitrine_client import AsyncVqaClient, InvalidRequestError, ServerUnavailableError, TlsFiles, VqaClient
from vitrine_client.channel import key_headers

from .command import vitrine
from .conftest import Awaited, Door

BOTH = pytest.mark.parametrize("kind", [VqaClient, Awaited])
ZH = "什么颜色"


@BOTH
def test_the_address_comes_from_the_environment(photo: Path, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door(None)
    try:
        monkeypatch.setenv("VITRINE_URL", door.url)
        with kind() as client:
            assert client.ask(photo, ZH).text == "红色"
        with kind("127.0.0.1:1") as client, pytest.raises(ServerUnavailableError, match=r"127\.0\.0\.1:1 "):
            client.ask(photo, ZH)
        assert vitrine("ask", str(photo), ZH).stdout.startswith("红色")
    finally:
        door.stop()


@BOTH
def test_the_deadline_comes_from_the_environment(photo: Path, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door(None)
    try:
        monkeypatch.setenv("VITRINE_TIMEOUT_S", "0.2")
        with kind(door.url) as brief, kind(door.url, timeout_s=60) as patient:
            for client in (brief, patient):
                client.ask(photo, ZH, timeout_s=60)
            door.is_closed = True
            with pytest.raises(ServerUnavailableError):
                brief.ask(photo, ZH)
            door.is_closed = False
            assert patient.ask(photo, ZH).text
    finally:
        door.stop()


BAD = {
    "VITRINE_URL": ("http://shop:8001", "VITRINE_URL: a gRPC address is host:port"),
    "VITRINE_TIMEOUT_S": ("soon", "VITRINE_TIMEOUT_S is a number of seconds, such as 15, but 'soon' came"),
    "VITRINE_API_KEY": ("a-secret-key", "VITRINE_API_KEY: an API key travels encrypted only"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_variable_that_cannot_be_is_named(photo: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    value, words = BAD[name]
    monkeypatch.setenv(name, value)
    for kind in (VqaClient, AsyncVqaClient):
        with pytest.raises(InvalidRequestError, match=words) as caught:
            kind()
        assert "secret" not in str(caught.value)
    done = vitrine("ask", str(photo), ZH)
    assert done.returncode == 2
    assert words in done.stderr
    assert "secret" not in done.stderr


@pytest.mark.parametrize("value", ["0", "-1", "nan", "1e10"])
def test_a_deadline_that_cannot_be_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("VITRINE_TIMEOUT_S", value)
    with pytest.raises(InvalidRequestError, match=r"^VITRINE_TIMEOUT_S: a timeout is a number of seconds, more than 0"):
        VqaClient()


def test_empty_variables_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in BAD:
        monkeypatch.setenv(name, "")
    VqaClient().close()
    AsyncVqaClient()


def test_a_key_in_the_environment_is_no_matter_of_a_server_s_own_port(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITRINE_API_KEY", "a-secret-key")
    done = vitrine("profile", str(photo), ZH, "--url", "127.0.0.1:1")
    assert done.returncode == 1
    assert "no server listens at 127.0.0.1:1" in done.stderr


@pytest.mark.parametrize("key", ["a-secret\nkey", "a-secret-kéy", "a-secret-key\x7f", "   ", ""])
def test_a_key_that_is_none_is_never_shown(key: str) -> None:
    with pytest.raises(InvalidRequestError, match="API key") as caught:
        key_headers(key, TlsFiles("ca.crt"))
    assert "secret" not in str(caught.value)
