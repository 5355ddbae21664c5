"""Clouds: suffixes and zones that belong together, and the hosts that clients need in each of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.clouds import (
    AZURE_CHINA_CLOUD,
    AZURE_CLOUD,
    AZURE_US_GOVERNMENT,
    CLOSED_CLOUDS,
    CLOUDS,
    Cloud,
    Host,
    Service,
    endpoints,
    private_zone_of,
)
from shared.domain.grades import ClientRole
from shared.settings import SettingsError, load

# The Azure CLI's own list of what each cloud is made of, and Graph's page on national clouds.
# https://learn.microsoft.com/cli/azure/manage-clouds-azure-cli and https://learn.microsoft.com/graph/deployments
ENTRA = {
    "AzureCloud": "login.microsoftonline.com",
    "AzureChinaCloud": "login.chinacloudapi.cn",
    "AzureUSGovernment": "login.microsoftonline.us",
}
ARM = {
    "AzureCloud": "management.azure.com",
    "AzureChinaCloud": "management.chinacloudapi.cn",
    "AzureUSGovernment": "management.usgovcloudapi.net",
}
GRAPH = {
    "AzureCloud": {"graph.microsoft.com"},
    "AzureChinaCloud": {"microsoftgraph.chinacloudapi.cn"},
    "AzureUSGovernment": {"graph.microsoft.us", "dod-graph.microsoft.us"},
}


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


# -- what clients need


def hosts(cloud: Cloud, role: ClientRole, service: Service) -> set[str]:
    return {host.name for host in endpoints(cloud, role, "Contoso").of(service)}


@pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS)
def test_each_role_needs_its_services_and_no_other(cloud: Cloud) -> None:
    data, management = endpoints(cloud, ClientRole.DATA, "Contoso"), endpoints(cloud, ClientRole.MANAGEMENT, "Contoso")
    everything = endpoints(cloud, ClientRole.BOTH, "Contoso")
    assert hosts(cloud, ClientRole.DATA, Service.VAULT) == {f"contoso.{cloud.vault_suffix}"}
    assert hosts(cloud, ClientRole.MANAGEMENT, Service.ARM) == {ARM[cloud.name]}
    for listed in (data, management, everything):
        assert {host.name for host in listed.of(Service.ENTRA)} == {ENTRA[cloud.name]}
        assert listed.unknown == ()
    assert {host.service for host in data.hosts}.isdisjoint({Service.ARM, Service.GRAPH})
    assert Service.VAULT not in {host.service for host in management.hosts}
    assert set(everything.hosts) == set(data.hosts) | set(management.hosts)


@pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS)
def test_all_is_https_except_revocation(cloud: Cloud) -> None:
    for host in endpoints(cloud, ClientRole.BOTH, "Contoso").hosts:
        assert host.port == (80 if host.service is Service.REVOCATION else 443)
        assert host.name == host.name.strip("./").lower()
    assert len(endpoints(cloud, ClientRole.DATA, "Contoso").of(Service.REVOCATION)) >= 2


@pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS)
def test_graph_is_where_graphs_own_page_says_and_not_where_the_firewall_page_says(cloud: Cloud) -> None:
    """The page on firewalls names graph.chinacloudapi.cn for China and graph.microsoft.com for the US government."""
    assert hosts(cloud, ClientRole.MANAGEMENT, Service.GRAPH) == GRAPH[cloud.name]
    assert "graph.chinacloudapi.cn" not in hosts(AZURE_CHINA_CLOUD, ClientRole.BOTH, Service.GRAPH)
    assert "graph.microsoft.com" not in hosts(AZURE_US_GOVERNMENT, ClientRole.BOTH, Service.GRAPH)


def test_microsoft_accounts_sign_in_to_the_public_cloud_only() -> None:
    """The page on firewalls lists login.live.com once for all clouds."""
    signing_in = {cloud.name: hosts(cloud, ClientRole.DATA, Service.ACCOUNT) for cloud in CLOUDS.values()}
    assert signing_in == {"AzureCloud": {"login.live.com"}, "AzureChinaCloud": set(), "AzureUSGovernment": set()}


def test_no_cloud_names_a_host_of_another_one() -> None:
    per_cloud = {}
    for cloud in CLOUDS.values():
        listed = endpoints(cloud, ClientRole.BOTH, "Contoso").hosts
        per_cloud[cloud.name] = {host.name for host in listed if host.service is not Service.REVOCATION}
    names = list(per_cloud.values())
    assert sum(map(len, names)) == len(set().union(*names))
    assert not any("microsoftazure.de" in name or "cloudapi.de" in name for found in names for name in found)


def test_what_a_custom_cloud_does_not_say_is_unknown_and_not_nothing() -> None:
    custom = Cloud(
        "stack", "https://management.local.example:30443", "", "adfs.local.example:8443", "vault.local.example", ""
    )
    listed = endpoints(custom, ClientRole.BOTH, "Contoso")
    assert listed.hosts == (
        Host(Service.VAULT, "contoso.vault.local.example"),
        Host(Service.ENTRA, "adfs.local.example", 8443),
        Host(Service.ARM, "management.local.example", 30443),
    )
    assert listed.unknown == (Service.GRAPH, Service.REVOCATION)
    assert endpoints(custom, ClientRole.DATA, "Contoso").unknown == (Service.REVOCATION,)
    assert Service.ENTRA in endpoints(replace(custom, authority=""), ClientRole.DATA, "Contoso").unknown


# -- the closed cloud


def test_azure_germany_is_recognised_and_refused_with_its_own_sentence() -> None:
    assert "AzureGermanCloud" in CLOSED_CLOUDS
    assert "AzureGermanCloud" not in CLOUDS
    environment = {
        "KVGUARD_ROLE": "guard",
        "KVGUARD_SUBSCRIPTIONS": "00000000-0000-0000-0000-00000000000a",
        "KVGUARD_TENANT": "00000000-0000-0000-0000-00000000000b",
    }
    assert load({**environment, "KVGUARD_CLOUD": AZURE_CLOUD.name}).cloud == "AzureCloud"
    with pytest.raises(SettingsError) as refused:
        load({**environment, "KVGUARD_CLOUD": "AzureGermanCloud"})
    assert "Azure Germany was closed on 2021-10-29" in str(refused.value)
    assert "must be" not in str(refused.value)
