"""Azure clouds: each suffix, zone name, authority and endpoint that differs between them.

The private DNS zone of a vault is ``privatelink.vaultcore.*``, not ``privatelink.vault.*``.
Source: https://learn.microsoft.com/azure/private-link/private-endpoint-dns
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Cloud:
    """One Azure cloud. Host names have no scheme, no leading dot and no trailing dot; endpoints are https URLs."""

    name: str
    arm_endpoint: str
    arm_scope: str
    authority: str
    vault_suffix: str
    private_zone: str

    def vault_host(self, vault_name: str) -> str:
        """The public host name of a vault, such as ``contoso.vault.azure.net``."""
        return f"{vault_name.lower()}.{self.vault_suffix}"

    def alias_host(self, vault_name: str) -> str:
        """The alias that public DNS gives a vault with an approved private endpoint connection."""
        return f"{vault_name.lower()}.{self.private_zone}"


AZURE_CLOUD: Final = Cloud(
    name="AzureCloud",
    arm_endpoint="https://management.azure.com",
    arm_scope="https://management.azure.com/.default",
    authority="login.microsoftonline.com",
    vault_suffix="vault.azure.net",
    private_zone="privatelink.vaultcore.azure.net",
)
AZURE_CHINA_CLOUD: Final = Cloud(
    name="AzureChinaCloud",
    arm_endpoint="https://management.chinacloudapi.cn",
    arm_scope="https://management.chinacloudapi.cn/.default",
    authority="login.chinacloudapi.cn",
    vault_suffix="vault.azure.cn",
    private_zone="privatelink.vaultcore.azure.cn",
)
AZURE_US_GOVERNMENT: Final = Cloud(
    name="AzureUSGovernment",
    arm_endpoint="https://management.usgovcloudapi.net",
    # The audience has "core" in it although the endpoint has not, as in azure-mgmt-core's get_arm_endpoints.
    arm_scope="https://management.core.usgovcloudapi.net/.default",
    authority="login.microsoftonline.us",
    vault_suffix="vault.usgovcloudapi.net",
    private_zone="privatelink.vaultcore.usgovcloudapi.net",
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
