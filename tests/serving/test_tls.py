"""An encrypted port: the client that trusts it gets answers, others get a clear error; administration is closed."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException
from vitrine_client import InvalidRequestError, ServerUnavailableError, TlsFiles, VqaClient

from catalogue.photos import photo_from_seed
from serving.command import ServerSettings, TlsSettings
from serving.server import EmbeddedServer


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def make_authority(folder: Path, name: str) -> None:
    subject = f"/CN=vitrine test {name}"
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.crt",
            "-subj", subject, "-days", "2")  # fmt: skip


def make_certificate(folder: Path, name: str, authority: str) -> None:
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")  # fmt: skip
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key",
            "-CAcreateserial", "-copy_extensions", "copy", "-days", "2", "-out", f"{name}.crt")  # fmt: skip


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    for authority in ("ca", "other-ca"):
        make_authority(folder, authority)
    for name in ("server", "shop"):
        make_certificate(folder, name, "ca")
    return folder


@pytest.fixture(scope="module")
def server(repository: Path, certificates: Path) -> Iterator[EmbeddedServer]:
    tls = TlsSettings(certificates / "server.crt", certificates / "server.key", certificates / "ca.crt")
    settings = ServerSettings(
        repository, grpc_port=0, metrics_port=None, tls=tls,
        log_file=certificates / "log",
    )  # fmt: skip
    shop = TlsFiles(str(certificates / "ca.crt"), str(certificates / "shop.crt"), str(certificates / "shop.key"))
    with EmbeddedServer(settings, client_tls=shop) as server:
        yield server


def files(certificates: Path, *, authority: str = "ca", own: str | None = "shop") -> TlsFiles:
    named = (str(certificates / f"{own}.{kind}") if own else None for kind in ("crt", "key"))
    return TlsFiles(str(certificates / f"{authority}.crt"), *named)


def test_a_client_that_both_sides_trust_gets_answers(server: EmbeddedServer, certificates: Path) -> None:
    with VqaClient(server.url, tls=files(certificates)) as client:
        for question in ("What is this?", "这是什么？"):
            assert client.ask(photo_from_seed(1).jpeg_bytes(), question).text


@pytest.mark.parametrize("changes", [{"authority": "other-ca"}, {"own": None}])
def test_others_get_nothing(server: EmbeddedServer, certificates: Path, changes: dict[str, str | None]) -> None:
    with (
        VqaClient(server.url, tls=files(certificates, **changes), timeout_s=6) as client,  # type: ignore[arg-type]
        pytest.raises(ServerUnavailableError),
    ):
        client.ask(photo_from_seed(1).jpeg_bytes(), "What is this?")


def test_plain_text_gets_nothing(server: EmbeddedServer) -> None:
    with VqaClient(server.url, timeout_s=6) as client, pytest.raises(ServerUnavailableError):
        client.ask(photo_from_seed(1).jpeg_bytes(), "What is this?")


def test_administration_is_closed(server: EmbeddedServer, certificates: Path) -> None:
    client = triton.InferenceServerClient(
        server.url, ssl=True, root_certificates=str(certificates / "ca.crt"),
        private_key=str(certificates / "shop.key"), certificate_chain=str(certificates / "shop.crt"),
    )  # fmt: skip
    for call in (client.get_inference_statistics, client.get_model_repository_index, client.get_trace_settings):
        with pytest.raises(InferenceServerException, match="restricted"):
            call()
    assert client.is_model_ready("vqa")


def test_files_that_are_missing_are_named(certificates: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"TLS: there is no file .*no-such\.crt"):
        VqaClient("localhost:1", tls=TlsFiles(str(certificates / "no-such.crt")))
    with pytest.raises(InvalidRequestError, match="a certificate and its key go together"):
        VqaClient("localhost:1", tls=TlsFiles(str(certificates / "ca.crt"), str(certificates / "shop.crt")))
