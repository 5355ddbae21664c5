"""A certificate authority of this machine alone, and a server certificate for its loopback names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme

NAMES = ("127.0.0.1", "localhost")


@dataclass(frozen=True)
class LocalTls:
    """Files: the authority's certificate for clients (REQUESTS_CA_BUNDLE), certificate chain and key of the server."""

    ca: Path
    certificate: Path
    key: Path


def create(directory: Path) -> LocalTls:
    """Make a fresh authority and server certificate in a directory; the key is readable by its owner only."""
    directory.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA(organization_name="Local Azure")
    server = authority.issue_cert(*NAMES)
    files = LocalTls(directory / "ca.pem", directory / "server.pem", directory / "server.key")
    authority.cert_pem.write_to_path(files.ca)
    for blob in server.cert_chain_pems:
        blob.write_to_path(files.certificate, append=blob is not server.cert_chain_pems[0])
    files.key.touch(mode=0o600)
    server.private_key_pem.write_to_path(files.key)
    return files
