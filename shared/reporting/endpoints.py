"""What clients of a vault behind a firewall have to reach, as a table for people and as JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from shared.domain.clouds import CLOUDS, Cloud, Endpoints, Host, Service
from shared.domain.grades import ClientRole
from shared.reporting.columns import columns
from shared.reporting.lines import wrapped

# Stands in a host name for the vault's name where none is given.
ANY_VAULT: Final = "<vault>"

_FIREWALL_PAGE: Final = "https://learn.microsoft.com/azure/key-vault/general/access-behind-firewall"
_PURPOSE: Final[Mapping[Service, str]] = MappingProxyType(
    {
        Service.VAULT: "the vault's keys, secrets and certificates",
        Service.ENTRA: "the token that every call carries",
        Service.ACCOUNT: "sign-in of people with a personal Microsoft account, nobody else",
        Service.ARM: "create, read and change vaults and their access policies",
        Service.GRAPH: "look up users, groups and applications",
        Service.REVOCATION: "whether a certificate was revoked",
    }
)
_SOURCES: Final[Mapping[Service, str]] = MappingProxyType(
    {
        Service.GRAPH: "https://learn.microsoft.com/graph/deployments",
        Service.REVOCATION: "https://learn.microsoft.com/azure/security/fundamentals/azure-ca-details",
    }
)
# https://learn.microsoft.com/azure/virtual-network/service-tags-overview#available-service-tags
_TAGS: Final[Mapping[Service, str]] = MappingProxyType(
    {
        Service.VAULT: "AzureKeyVault",
        Service.ENTRA: "AzureActiveDirectory",
        Service.ARM: "AzureResourceManager",
    }
)
_HEADER: Final = ("host", "port", "protocol", "for", "service tag", "source")
_NONE: Final = "-"


def endpoints_table(cloud: Cloud, role: ClientRole, listed: Endpoints) -> str:
    """One line for each host, then what is not known, then what a list of hosts cannot say."""
    rows = [
        (
            host.name,
            str(host.port),
            _protocol(host),
            _for(host.service),
            _tag(cloud, host) or _NONE,
            _source(cloud, host),
        )
        for host in listed.hosts
    ]
    lines = columns(_HEADER, rows)
    for service in listed.unknown:
        lines += ["", *wrapped(f"not known in cloud {cloud.name}: the hosts of {_for(service)}")]
    for note in _notes(cloud, role):
        lines += ["", *wrapped(note)]
    return "\n".join(lines)


def endpoints_json(cloud: Cloud, role: ClientRole, listed: Endpoints) -> str:
    """The same as an object; ``service_tag`` is null where a service has none, ``unknown`` names whole services."""
    hosts = [
        {
            "host": host.name,
            "port": host.port,
            "protocol": _protocol(host),
            "service": host.service.value,
            "for": _PURPOSE[host.service],
            "service_tag": _tag(cloud, host),
            "source": _source(cloud, host),
        }
        for host in listed.hosts
    ]
    unknown = [{"service": service.value, "for": _PURPOSE[service]} for service in listed.unknown]
    body = {"cloud": cloud.name, "role": role.value, "hosts": hosts, "unknown": unknown, "notes": _notes(cloud, role)}
    return json.dumps(body, indent=2)


def _protocol(host: Host) -> str:
    return "HTTP" if host.service is Service.REVOCATION else "HTTPS"


def _for(service: Service) -> str:
    return f"{service.value}: {_PURPOSE[service]}"


def _tag(cloud: Cloud, host: Host) -> str | None:
    return _TAGS.get(host.service) if cloud.name in CLOUDS else None


def _source(cloud: Cloud, host: Host) -> str:
    """The page that names the host; of a custom cloud, the answer of its Resource Manager."""
    if cloud.name not in CLOUDS:
        return f"{cloud.arm_endpoint}/metadata/endpoints"
    return _SOURCES.get(host.service, _FIREWALL_PAGE)


def _notes(cloud: Cloud, role: ClientRole) -> list[str]:
    notes = []
    if role is not ClientRole.MANAGEMENT:
        notes.append(
            "Clients that reach the vault over a private endpoint need port 443 to that endpoint's address instead of "
            "the vault's public one; everything else in the list stays as it is."
        )
    notes.append(
        "Tenants that sign in through a federation service of their own (such as AD FS) need its hosts as well; they "
        "are not known to kvguard."
    )
    if cloud.name in CLOUDS:
        notes.append(
            "No service here has fixed addresses. A firewall that knows no host names can use the service tags; a tag "
            "stands for the whole service, so AzureKeyVault lets clients reach the vaults of every tenant."
        )
    return notes
