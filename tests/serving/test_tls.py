"""An encrypted port: the client that trusts it gets answers, others get a clear error; administration is closed."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException
from vitrine_client import InvalidRequestError, ServerUnavailableError, TlsFiles, VqaClient

from catalogue.photos import photo_from_seed
from serving.errors import ServingError
from serving.supervision.server import EmbeddedServer
from serving.triton.command import ServerSettings, TlsSettings
from tests.helpers.certificates import write_certificates


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    for name in ("own", "other"):
        write_certificates(folder / name)
    return folder


@pytest.fixture(scope="module")
def server(repository: Path, certificates: Path) -> Iterator[EmbeddedServer]:
    tls = TlsSettings(*(certificates / "own" / name for name in ("server.crt", "server.key", "client-ca.crt")))
    settings = ServerSettings(
        repository, grpc_port=0, metrics_port=None, tls=tls,
        log_file=certificates / "log",
    )  # fmt: skip
    with EmbeddedServer(settings, client_tls=files(certificates, own="own/canary")) as server:
        yield server


def files(certificates: Path, *, authority: str = "own/ca", own: str | None = "own/shop") -> TlsFiles:
    named = (str(certificates / f"{own}.{kind}") if own else None for kind in ("crt", "key"))
    return TlsFiles(str(certificates / f"{authority}.crt"), *named)


def test_a_client_that_both_sides_trust_gets_answers(server: EmbeddedServer, certificates: Path) -> None:
    with VqaClient(server.url, tls=files(certificates)) as client:
        for question in ("What is this?", "这是什么？"):
            assert client.ask(photo_from_seed(1).jpeg_bytes(), question).text


@pytest.mark.parametrize("changes", [{"authority": "other/ca"}, {"own": None}, {"own": "other/shop"}])
def test_others_get_nothing(server: EmbeddedServer, certificates: Path, changes: dict[str, str | None]) -> None:
    with (
        VqaClient(server.url, tls=files(certificates, **changes), timeout_s=6) as client,  # type: ignore[arg-type]
        pytest.raises(ServerUnavailableError) as caught,
    ):
        client.ask(photo_from_seed(1).jpeg_bytes(), "What is this?")
    # That the server does not trust it, a client is not told: the connection ends.
    assert ("does it speak TLS" in caught.value.message) == ("authority" in changes)


def test_plain_text_gets_nothing(server: EmbeddedServer) -> None:
    with VqaClient(server.url, timeout_s=6) as client, pytest.raises(ServerUnavailableError):
        client.ask(photo_from_seed(1).jpeg_bytes(), "What is this?")


def test_administration_is_closed(server: EmbeddedServer, certificates: Path) -> None:
    client = triton.InferenceServerClient(
        server.url, ssl=True, root_certificates=str(certificates / "own" / "ca.crt"),
        private_key=str(certificates / "own" / "shop.key"), certificate_chain=str(certificates / "own" / "shop.crt"),
    )  # fmt: skip
    for call in (client.get_inference_statistics, client.get_model_repository_index, client.get_trace_settings):
        with pytest.raises(InferenceServerException, match="restricted"):
            call()
    assert client.is_model_ready("vqa")


def test_a_certificate_that_is_none_after_a_start_is_a_typed_error(
    repository: Path, certificates: Path, tmp_path: Path
) -> None:
    shutil.copytree(certificates / "own", tmp_path / "own")
    tls = TlsSettings(*(tmp_path / "own" / name for name in ("server.crt", "server.key")))
    settings = ServerSettings(repository, grpc_port=0, metrics_port=None, tls=tls, log_file=tmp_path / "log")
    with EmbeddedServer(settings, client_tls=files(tmp_path, own=None)) as server:
        (tmp_path / "own" / "ca.crt").write_text("not a certificate", "utf-8")
        with pytest.raises(ServingError, match=r"TLS: cannot use .*NO_CERTIFICATE"):
            server.restart()


def test_files_that_are_missing_are_named(certificates: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"TLS: there is no file .*no-such\.crt"):
        VqaClient("localhost:1", tls=TlsFiles(str(certificates / "no-such.crt")))
    with pytest.raises(InvalidRequestError, match="a certificate and its key go together"):
        VqaClient(
            "localhost:1", tls=TlsFiles(str(certificates / "own" / "ca.crt"), str(certificates / "own" / "shop.crt"))
        )


def test_files_that_do_not_fit_are_named(certificates: Path) -> None:
    own = files(certificates)
    with pytest.raises(InvalidRequestError, match=r"TLS: cannot use .*ca\.key .*PEM files are expected"):
        VqaClient("localhost:1", tls=TlsFiles(str(certificates / "own" / "ca.key")))
    with pytest.raises(InvalidRequestError, match=r"TLS: cannot use .*shop\.crt and .*canary\.key"):
        VqaClient("localhost:1", tls=replace(own, key=str(certificates / "own" / "canary.key")))
