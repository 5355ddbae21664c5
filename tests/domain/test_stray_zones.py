"""Which zone names were meant for vaults and serve none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.clouds import AZURE_CHINA_CLOUD, AZURE_CLOUD, AZURE_US_GOVERNMENT, CLOUDS, Cloud
from shared.domain.zone import looks_like_vault_zone


@pytest.mark.parametrize(
    ("name", "stray"),
    [
        ("privatelink.vaultcore.azure.net", False),
        ("PrivateLink.VaultCore.Azure.Net", False),
        ("contoso.privatelink.vaultcore.azure.net", False),
        ("vault.azure.net", False),
        ("contoso.vault.azure.net", False),
        ("azure.net", False),
        ("privatelink.blob.core.windows.net", False),
        ("privatelink.managedhsm.azure.net", False),
        ("vault.contoso.example", False),
        ("vault", False),
        ("privatelink", False),
        ("", False),
        ("privatelink.vault.azure.net", True),
        ("PRIVATELINK.VAULT.AZURE.NET", True),
        ("contoso.privatelink.vault.azure.net", True),
        ("privatelink.vaultcore.azure.com", True),
        ("privatelink.vaultcore.azure.cn", True),
        ("privatelink.vaultcore.usgovcloudapi.net", True),
        ("privatelink.keyvault.azure.net", True),
        ("vaultcore.azure.net", True),
        ("vault.azure.cn", True),
        ("vault.microsoftazure.de", True),
        ("privatelink.vaultcore.azure.net.", True),
        ("privatelink..vaultcore.azure.net", True),
        ("vault.azure.net.", True),
    ],
)
def test_in_the_public_cloud(name: str, stray: bool) -> None:
    assert looks_like_vault_zone(name, AZURE_CLOUD) is stray


@pytest.mark.parametrize("cloud", [AZURE_CLOUD, AZURE_CHINA_CLOUD, AZURE_US_GOVERNMENT])
def test_the_zone_of_one_cloud_is_a_stray_in_the_others(cloud: Cloud) -> None:
    for known in CLOUDS.values():
        strays = [looks_like_vault_zone(name, cloud) for name in (known.private_zone, known.vault_suffix)]
        assert strays == [known is not cloud] * 2


def test_a_custom_cloud_has_its_own_zones() -> None:
    custom = replace(
        AZURE_CLOUD, vault_suffix="vault.stack.example", private_zone="privatelink.vaultcore.stack.example"
    )
    assert not looks_like_vault_zone("privatelink.vaultcore.stack.example", custom)
    assert not looks_like_vault_zone("vault.stack.example", custom)
    assert looks_like_vault_zone("vaultcore.stack.example", custom)
    assert looks_like_vault_zone("privatelink.vaultcore.azure.net", custom)
