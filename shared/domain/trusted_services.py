"""The services that Key Vault's firewall lets through when bypass is on, each only for what it is trusted for.

A service that is not in the table is not known here to be trusted; those that run pipelines are known not to be.
Source: https://learn.microsoft.com/azure/key-vault/general/overview-vnet-service-endpoints#trusted-services, as of
2024-01-30.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

AS_OF: Final = "2024-01-30"


@dataclass(frozen=True, slots=True)
class TrustedService:
    """A service and what it is let through for. ``trusted`` False: known not to be, ``scope`` says what to do.

    ``runs_code``: customers' code runs in the service, and what that code calls does not count as the service's call.
    """

    name: str
    scope: str
    trusted: bool = True
    runs_code: bool = False


_CMK: Final = "encryption of its data with a customer-managed key"

SERVICES: Final = (
    TrustedService("Azure API Management", "certificates of custom domains, with its system-assigned identity"),
    TrustedService(
        "Azure App Service",
        "deployment of web app certificates only; an app's own calls come from its outbound addresses or its subnet",
        runs_code=True,
    ),
    TrustedService("Azure Application Gateway", "certificates of HTTPS listeners"),
    TrustedService("Azure Backup", "keys and secrets of virtual machines that it backs up"),
    TrustedService("Azure Batch", "customer-managed keys and vaults of user-subscription accounts", runs_code=True),
    TrustedService("Azure Bot Service", _CMK),
    TrustedService("Azure CDN", "certificates of custom domains"),
    TrustedService("Azure Container Registry", _CMK),
    TrustedService("Azure Data Factory", "credentials of its data stores"),
    TrustedService("Azure Data Lake Store", _CMK),
    TrustedService("Azure Database for MySQL", _CMK),
    TrustedService("Azure Database for PostgreSQL", _CMK),
    TrustedService(
        "Azure Databricks", "its control plane; a cluster in a virtual network calls from its subnet", runs_code=True
    ),
    TrustedService("Azure Disk Encryption", "keys and secrets while virtual machines are deployed"),
    TrustedService("Azure Disk Storage", "disk encryption sets with a customer-managed key"),
    TrustedService("Azure Event Hubs", _CMK),
    TrustedService("Azure Firewall Premium", "certificates for TLS inspection"),
    TrustedService("Azure Front Door", "certificates of custom domains"),
    TrustedService("Azure Import/Export", _CMK),
    TrustedService("Azure Information Protection", "the tenant key"),
    TrustedService("Azure Machine Learning", "the vault of a workspace", runs_code=True),
    TrustedService("Azure Policy", "scans of objects in the vault"),
    TrustedService("Azure Resource Manager", "secure values of template deployments"),
    TrustedService("Azure Service Bus", _CMK),
    TrustedService("Azure SQL Database", "transparent data encryption with a customer-managed key"),
    TrustedService("Azure Storage", _CMK),
    TrustedService("Azure Synapse Analytics", _CMK),
    TrustedService("Azure Virtual Machines", "certificates that are deployed to virtual machines", runs_code=True),
    TrustedService("Exchange Online, SharePoint Online", "Customer Key of Microsoft 365"),
    TrustedService("Microsoft Purview", "credentials of its data sources"),
    TrustedService(
        "Azure DevOps, Azure Pipelines",
        "Microsoft-hosted agents call from changing public addresses: use a self-hosted agent, or add the address",
        trusted=False,
    ),
    TrustedService(
        "GitHub Actions, GitHub",
        "GitHub-hosted runners call from changing public addresses: use a self-hosted runner, or add the address",
        trusted=False,
    ),
)


def find_service(name: str) -> TrustedService | None:
    """The service of that name, with or without ``Azure`` or ``Microsoft`` before it, None when it is not known."""
    wanted = _plain(name)
    return next(
        (service for service in SERVICES if wanted in (_plain(part) for part in service.name.split(", "))), None
    )


def _plain(name: str) -> str:
    text = "".join(letter for letter in name.casefold() if letter.isalnum())
    for prefix in ("azure", "microsoft"):
        if text.startswith(prefix) and text != prefix:
            return text.removeprefix(prefix)
    return text
