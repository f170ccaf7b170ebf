"""Certificates for tests of TLS, in the layout that VITRINE_TLS_FOLDER has."""

from pathlib import Path

import trustme

_NAMES = ("localhost", "127.0.0.1")


def write_certificates(folder: Path) -> Path:
    """Write into `folder` what two new authorities sign: the server's, and those of callers.

    `ca` signs `server`; `client-ca` signs `canary`, which the server's own
    questions show, and `shop`, which a caller shows. Of each there are a
    `.crt` and a `.key`, in PEM.
    """
    folder.mkdir(parents=True, mode=0o700)
    for authority_name, names in (("ca", ("server",)), ("client-ca", ("canary", "shop"))):
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / f"{authority_name}.crt")
        authority.private_key_pem.write_to_path(folder / f"{authority_name}.key")
        for name in names:
            certificate = authority.issue_cert(*_NAMES, common_name=name)
            certificate.private_key_pem.write_to_path(folder / f"{name}.key")
            for pem in certificate.cert_chain_pems:
                pem.write_to_path(folder / f"{name}.crt", append=True)
    return folder
