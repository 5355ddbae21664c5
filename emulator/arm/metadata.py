"""`/metadata/endpoints`: what a cloud is made of, as one object or as a list of clouds.

Source: https://learn.microsoft.com/azure-stack/user/azure-stack-version-profiles-azurecli2 and the Azure CLI, which
reads the list since api-version 2022-09-01.
"""

from __future__ import annotations

from typing import Any

from emulator.arm.identity import AUDIENCES
from emulator.arm.messages import Json

LIST_SINCE = "2022-09-01"


def _cloud(name: str, arm: str, login: str, tenant: str, vault_suffix: str) -> Json:
    return {
        "name": name,
        "portal": "https://portal.azure.com",
        "authentication": {
            "loginEndpoint": login,
            "audiences": [f"{AUDIENCES[1]}/", f"{AUDIENCES[0]}/"],
            "tenant": tenant,
            "identityProvider": "AAD",
        },
        "graph": "https://graph.windows.net/",
        "graphAudience": "https://graph.windows.net/",
        "resourceManager": arm,
        "suffixes": {
            "keyVaultDns": vault_suffix,
            "storage": "core.windows.net",
            "mhsmDns": "managedhsm.azure.net",
        },
    }


def endpoints(origin: str, tenant: str, api_version: str, vault_suffix: str) -> Any:
    """The document: from 2022-09-01 a list in which this server is one of several clouds, before that one object."""
    local = _cloud("LocalAzure", origin, origin, tenant, vault_suffix)
    if api_version < LIST_SINCE:
        return local
    public = _cloud(
        "AzureCloud",
        "https://management.azure.com/",
        "https://login.microsoftonline.com/",
        "common",
        "vault.azure.net",
    )
    china = _cloud(
        "AzureChinaCloud",
        "https://management.chinacloudapi.cn/",
        "https://login.chinacloudapi.cn/",
        "common",
        "vault.azure.cn",
    )
    return [public, local, china]
