"""Storage connections by name, resolved from settings by the rules of Azure Functions.

A setting ``NAME`` with a connection string wins; otherwise settings that begin with ``NAME__`` describe an identity
connection. Functions tries ``AzureWebJobsNAME`` before ``NAME``, each in both forms, so the app and its triggers always
reach the same account.
Source: https://learn.microsoft.com/azure/azure-functions/functions-reference#configure-an-identity-based-connection
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final
from urllib.parse import urlsplit

DEVELOPMENT: Final = "UseDevelopmentStorage=true"
# The published account and key of the storage emulator, not a secret; the Python SDKs do not know the short form.
# https://learn.microsoft.com/azure/storage/common/storage-use-azurite#well-known-storage-account-and-key
_DEVELOPMENT_ACCOUNT: Final = "devstoreaccount1"
_DEVELOPMENT_KEY: Final = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_DEVELOPMENT_PORTS: Final = {"Blob": 10000, "Queue": 10001, "Table": 10002}


class StorageService(Enum):
    """A service of a storage account; the value is its part of host names and setting names."""

    BLOB = "blob"
    QUEUE = "queue"
    TABLE = "table"


class StorageConnectionMissing(ValueError):
    """No setting describes the connection, or what describes it lacks something; the message lists what."""


@dataclass(frozen=True, slots=True)
class StorageConnection:
    """How to reach one storage account: by connection string, or by service URIs and an identity.

    ``client_id`` names a user-assigned identity, empty for the system-assigned one.
    """

    name: str
    connection_string: str = field(default="", repr=False)
    uris: Mapping[StorageService, str] = field(default_factory=dict)
    client_id: str = ""

    @property
    def uses_identity(self) -> bool:
        """Whether calls need a token instead of the keys of a connection string."""
        return not self.connection_string

    def uri(self, service: StorageService) -> str:
        """The URI of a service of an identity connection. Raises StorageConnectionMissing when there is none."""
        if service not in self.uris:
            raise StorageConnectionMissing(_missing(self.name, [service]))
        return self.uris[service]


def resolve(name: str, settings: Mapping[str, str], services: frozenset[StorageService]) -> StorageConnection:
    """The connection of that name for the services that are needed.

    Raises StorageConnectionMissing with everything that is missing or malformed at once.
    """
    for candidate in (f"AzureWebJobs{name}", name):
        text = settings.get(candidate, "").strip()
        if text:
            return StorageConnection(name, connection_string=_usable(candidate, _expanded(text), services))
        members = {key: value.strip() for key, value in settings.items() if key.startswith(f"{candidate}__")}
        if any(members.values()):
            return _by_identity(name, candidate, members, services)
    raise StorageConnectionMissing(_missing(name, sorted(services, key=lambda service: service.value)))


def _by_identity(
    name: str, prefix: str, members: Mapping[str, str], services: frozenset[StorageService]
) -> StorageConnection:
    problems: list[str] = []
    absent: list[StorageService] = []
    uris: dict[StorageService, str] = {}
    for service in sorted(services, key=lambda item: item.value):
        uri = members.get(f"{prefix}__{service.value}ServiceUri") or members.get(f"{prefix}__serviceUri", "")
        account = members.get(f"{prefix}__accountName", "")
        if not uri and account:
            uri = f"https://{account}.{service.value}.core.windows.net"
        if not uri:
            absent.append(service)
        elif urlsplit(uri).scheme != "https" or not urlsplit(uri).hostname:
            problems.append(f"{prefix}: the URI of the {service.value} service must be https, not {uri!r}")
        else:
            uris[service] = uri.rstrip("/")
    if absent:
        problems.append(_missing(name, absent))
    credential = members.get(f"{prefix}__credential", "")
    client_id = members.get(f"{prefix}__clientId", "")
    if credential not in ("", "managedidentity"):
        problems.append(f"{prefix}__credential can only be 'managedidentity', not {credential!r}")
    if client_id and not credential:
        problems.append(f"{prefix}__clientId needs {prefix}__credential=managedidentity")
    if problems:
        raise StorageConnectionMissing("; ".join(problems))
    return StorageConnection(name, uris=uris, client_id=client_id)


def _missing(name: str, services: list[StorageService]) -> str:
    wanted = ", ".join(f"{name}__{service.value}ServiceUri" for service in services)
    return f"the storage connection '{name}' is not set: give {name} (a connection string) or {wanted}"


def _usable(setting: str, text: str, services: frozenset[StorageService]) -> str:
    """The connection string, if the SDKs can use it. The message names no part of it, since it may be a secret."""
    pairs = [part.partition("=") for part in text.split(";") if part.strip()]
    members = {key.strip().casefold(): value for key, _, value in pairs if value}
    endpoints = {f"{service.value}endpoint" for service in services}
    by_key = {"accountname", "accountkey"} <= members.keys()
    by_signature = "sharedaccesssignature" in members and ("accountname" in members or endpoints <= members.keys())
    if len(members) != len(pairs) or not (by_key or by_signature):
        raise StorageConnectionMissing(
            f"{setting} is no connection string of a storage account: it needs AccountName with AccountKey or "
            "SharedAccessSignature, or UseDevelopmentStorage=true"
        )
    return text


def _expanded(text: str) -> str:
    if text.rstrip(";").casefold() != DEVELOPMENT.casefold():
        return text
    endpoints = "".join(
        f"{service}Endpoint=http://127.0.0.1:{port}/{_DEVELOPMENT_ACCOUNT};"
        for service, port in _DEVELOPMENT_PORTS.items()
    )
    account = f"AccountName={_DEVELOPMENT_ACCOUNT};AccountKey={_DEVELOPMENT_KEY};"
    return f"DefaultEndpointsProtocol=http;{account}{endpoints}"
