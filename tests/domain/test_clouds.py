"""Clouds: suffixes and zones that belong together."""

from __future__ import annotations

import pytest

from shared.domain.clouds import CLOUDS, Cloud, private_zone_of


@pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS)
def test_suffix_zone_and_scope_of_a_cloud_belong_together(cloud: Cloud) -> None:
    assert private_zone_of(cloud.vault_suffix) == cloud.private_zone
    assert cloud.arm_endpoint.startswith("https://management.")
    assert cloud.arm_scope.endswith("/.default")
    assert cloud.vault_host("Contoso") == f"contoso.{cloud.vault_suffix}"
    assert cloud.alias_host("Contoso") == f"contoso.{cloud.private_zone}"


def test_the_zone_is_vaultcore_and_not_vault() -> None:
    assert private_zone_of(".Vault.azurestack.contoso.com.") == "privatelink.vaultcore.azurestack.contoso.com"


@pytest.mark.parametrize("suffix", ["", "vault", "vault.", "azure.net", "vaults.azure.net"])
def test_a_suffix_of_another_shape_is_refused(suffix: str) -> None:
    with pytest.raises(ValueError, match="DNS suffix"):
        private_zone_of(suffix)
