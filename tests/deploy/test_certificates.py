"""The script that makes certificates for trying TLS out."""

import ssl
import subprocess
from pathlib import Path

import pytest

from tests.helpers.compose import ROOT
from tests.helpers.system import require_program


@pytest.mark.parametrize(("authority", "name"), [("ca", "server"), ("client-ca", "canary"), ("client-ca", "shop")])
def test_each_certificate_is_its_authoritys_and_fits_its_key(tmp_path: Path, authority: str, name: str) -> None:
    openssl = require_program("openssl", "openssl")
    folder = tmp_path / "tls"
    subprocess.run([str(ROOT / "deploy/test-certificates.sh"), str(folder), "vqa.shop"], check=True, timeout=60)
    verified = subprocess.run(
        [openssl, "verify", "-CAfile", str(folder / f"{authority}.crt"), "-verify_hostname", "vqa.shop",
         str(folder / f"{name}.crt")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert verified.returncode == 0, verified.stderr
    ssl.create_default_context().load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
    assert (folder / f"{name}.key").stat().st_mode & 0o077 == 0, "nobody else may read a key"
