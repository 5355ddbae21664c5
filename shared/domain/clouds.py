"""Azure clouds: each suffix, zone name, authority and endpoint that differs between them.

The private DNS zone of a vault is ``privatelink.vaultcore.*``, not ``privatelink.vault.*``.
Source: https://learn.microsoft.com/azure/private-link/private-endpoint-dns
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from shared.domain.grades import ClientRole


@dataclass(frozen=True, slots=True)
class Cloud:
    """One Azure cloud. Host names have no scheme, no leading dot and no trailing dot; endpoints are https URLs.

    ``authority`` is the host of Microsoft Entra ID. ``account_hosts`` are needed as well by users with a Microsoft
    account, ``graph_hosts`` are Microsoft Graph's (several where the tenant decides which), ``revocation_hosts`` tell
    clients which certificates are revoked. None means that they are not known.
    """

    name: str
    arm_endpoint: str
    arm_scope: str
    authority: str
    vault_suffix: str
    private_zone: str
    account_hosts: tuple[str, ...] = ()
    graph_hosts: tuple[str, ...] = ()
    revocation_hosts: tuple[str, ...] = ()

    def vault_host(self, vault_name: str) -> str:
        """The public host name of a vault, such as ``contoso.vault.azure.net``."""
        return f"{vault_name.lower()}.{self.vault_suffix}"

    def alias_host(self, vault_name: str) -> str:
        """The alias that public DNS gives a vault with an approved private endpoint connection."""
        return f"{vault_name.lower()}.{self.private_zone}"


# Revocation lists (CRL) and OCSP of the authorities behind Azure's certificates, the same in each of its clouds.
# https://learn.microsoft.com/azure/security/fundamentals/azure-ca-details#certificate-downloads-and-revocation-lists
_REVOCATION_HOSTS: Final = (
    "crl.digicert.cn",
    "crl.microsoft.com",
    "crl3.digicert.com",
    "crl4.digicert.com",
    "mscrl.microsoft.com",
    "ocsp.digicert.cn",
    "ocsp.digicert.com",
    "oneocsp.microsoft.com",
    "www.microsoft.com",
)

# Graph in China and for the US government has hosts of its own, although Key Vault's page on firewalls names
# graph.chinacloudapi.cn (Azure AD Graph, retired) and graph.microsoft.com (the public cloud's) for them.
# https://learn.microsoft.com/graph/deployments
AZURE_CLOUD: Final = Cloud(
    name="AzureCloud",
    arm_endpoint="https://management.azure.com",
    arm_scope="https://management.azure.com/.default",
    authority="login.microsoftonline.com",
    vault_suffix="vault.azure.net",
    private_zone="privatelink.vaultcore.azure.net",
    account_hosts=("login.live.com",),
    graph_hosts=("graph.microsoft.com",),
    revocation_hosts=_REVOCATION_HOSTS,
)
AZURE_CHINA_CLOUD: Final = Cloud(
    name="AzureChinaCloud",
    arm_endpoint="https://management.chinacloudapi.cn",
    arm_scope="https://management.chinacloudapi.cn/.default",
    authority="login.chinacloudapi.cn",
    vault_suffix="vault.azure.cn",
    private_zone="privatelink.vaultcore.azure.cn",
    graph_hosts=("microsoftgraph.chinacloudapi.cn",),
    revocation_hosts=_REVOCATION_HOSTS,
)
AZURE_US_GOVERNMENT: Final = Cloud(
    name="AzureUSGovernment",
    arm_endpoint="https://management.usgovcloudapi.net",
    # The audience has "core" in it although the endpoint has not, as in azure-mgmt-core's get_arm_endpoints.
    arm_scope="https://management.core.usgovcloudapi.net/.default",
    authority="login.microsoftonline.us",
    vault_suffix="vault.usgovcloudapi.net",
    private_zone="privatelink.vaultcore.usgovcloudapi.net",
    # The second one is for tenants of the Department of Defense (L5).
    graph_hosts=("graph.microsoft.us", "dod-graph.microsoft.us"),
    revocation_hosts=_REVOCATION_HOSTS,
)

CLOUDS: Final = {cloud.name: cloud for cloud in (AZURE_CLOUD, AZURE_CHINA_CLOUD, AZURE_US_GOVERNMENT)}
CLOSED_CLOUDS: Final = {"AzureGermanCloud": "Azure Germany was closed on 2021-10-29; kvguard cannot connect to it"}
CUSTOM: Final = "custom"


def private_zone_of(vault_suffix: str) -> str:
    """The private zone that belongs to a vault suffix: ``vault.example.net`` -> ``privatelink.vaultcore.example.net``.

    Raises ValueError for a suffix of another shape.
    """
    head, _, rest = vault_suffix.strip(".").lower().partition(".")
    if head != "vault" or not rest:
        raise ValueError(f"a Key Vault DNS suffix starts with 'vault.': {vault_suffix!r}")
    return f"privatelink.vaultcore.{rest}"


class Service(Enum):
    """What a client of a vault has to reach, besides its own federation service where it has one."""

    VAULT = "Key Vault"
    ENTRA = "Microsoft Entra ID"
    ACCOUNT = "Microsoft account sign-in"
    ARM = "Azure Resource Manager"
    GRAPH = "Microsoft Graph"
    REVOCATION = "certificate revocation (CRL, OCSP)"


@dataclass(frozen=True, slots=True)
class Host:
    """A host name with the TCP port and the service that answers there."""

    service: Service
    name: str
    port: int = 443


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What clients of a vault need to reach: ``hosts``, and the services whose hosts in this cloud are not known."""

    hosts: tuple[Host, ...]
    unknown: tuple[Service, ...] = ()

    def of(self, service: Service) -> tuple[Host, ...]:
        """The known hosts of one service."""
        return tuple(host for host in self.hosts if host.service is service)


def endpoints(cloud: Cloud, role: ClientRole, vault_name: str) -> Endpoints:
    """The hosts that clients of a vault have to reach for what they do, in the order of ``Service``.

    All is HTTPS on port 443 except revocation, which is HTTP on port 80. Sign-in hosts for a Microsoft account concern
    its users only; a cloud that has none knows no such accounts.
    Source: https://learn.microsoft.com/azure/key-vault/general/access-behind-firewall
    """
    hosts = tuple(_hosts(cloud, role, vault_name))
    found = {host.service for host in hosts}
    wanted = [Service.ENTRA, Service.REVOCATION]
    wanted += [Service.ARM, Service.GRAPH] if role is not ClientRole.DATA else []
    return Endpoints(hosts, tuple(service for service in Service if service in wanted and service not in found))


def _hosts(cloud: Cloud, role: ClientRole, vault_name: str) -> Iterator[Host]:
    if role is not ClientRole.MANAGEMENT:
        yield Host(Service.VAULT, cloud.vault_host(vault_name))
    if cloud.authority:
        yield _host(Service.ENTRA, cloud.authority)
    for name in cloud.account_hosts:
        yield Host(Service.ACCOUNT, name)
    if role is not ClientRole.DATA:
        yield _host(Service.ARM, cloud.arm_endpoint.removeprefix("https://"))
        for name in cloud.graph_hosts:
            yield Host(Service.GRAPH, name)
    for name in cloud.revocation_hosts:
        yield Host(Service.REVOCATION, name, 80)


def _host(service: Service, place: str) -> Host:
    """The host of ``name``, ``name:port`` or either with a path; a custom cloud may answer on another port."""
    name, _, port = place.partition("/")[0].partition(":")
    return Host(service, name, int(port) if port.isdecimal() else 443)
