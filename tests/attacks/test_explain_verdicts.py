"""Questions of real users at the corners of the access explanation: a verdict must not be surer than what was read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.access import AccessExplanation, Caller, CallerKind, Verdict
from shared.domain.arm_id import ArmId
from shared.domain.change import ApproveConnection, SetNetworkAcl
from shared.domain.network import Subnet
from shared.domain.reading import Unread, UnreadReason
from shared.domain.vault import ConnectionStatus, DefaultAction, NetworkAcl, PublicAccess
from shared.engine.access import explain
from tests.builders import Given, healthy, network_id, subnet_id

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
DENY = DefaultAction.DENY
INSIDE = Caller(CallerKind.NETWORK, network=network_id())
CLIENT = Caller(CallerKind.NETWORK, network=network_id("vnet-9"))
ME = "aaaaaaaa-0000-0000-0000-000000000001"


def asked(given: Given, caller: Caller) -> AccessExplanation:
    return explain(given.snapshot, caller)


def allowing(*rules: str, bypass: str = "None", subnets: tuple[ArmId, ...] = (), **network: Any) -> Given:
    """A vault that only these rules open, and a network of clients that resolves the public address."""
    given = healthy().vault(public_access=PublicAccess.ENABLED, acl=NetworkAcl(DENY, bypass, rules, subnets))
    return given.network("vnet-9", **network)


def closed(bypass: str = "None", *rules: str, subnets: tuple[ArmId, ...] = ()) -> Given:
    return healthy().vault(acl=NetworkAcl(DENY, bypass, rules, subnets)).network("vnet-9")


def service(name: str, **members: Any) -> Caller:
    return Caller(CallerKind.SERVICE, service=name, **members)


# -- which door the answer leads to


def test_a_public_address_in_a_private_zone_may_be_the_vaults_own_door() -> None:
    found = asked(healthy().record("20.1.2.3"), INSIDE)
    assert found.verdict is UNKNOWN
    assert "may be the vault's own" in found.gates[1].reason
    assert asked(healthy().record("10.1.0.99"), INSIDE).verdict is FAIL


def test_one_of_two_addresses_works_for_who_happens_to_take_it() -> None:
    both = asked(healthy().record("10.1.0.4", "10.1.0.99"), INSIDE)
    assert both.verdict is UNKNOWN
    assert "10.1.0.99" in both.gates[1].reason
    assert "private link at 10.1.0.4" in both.gates[1].reason
    assert asked(healthy().record("10.1.0.98", "10.1.0.99"), INSIDE).verdict is FAIL
    assert asked(healthy().record("10.1.0.4"), INSIDE).verdict is PASS


# -- as whom the public door sees a client of a network


@pytest.mark.parametrize("address", ["10.9.2.7", "100.64.1.1", "100.99.1.1", "198.51.100.7"])
def test_an_address_of_the_network_itself_is_not_the_one_that_the_vault_sees(address: str) -> None:
    subnets = (Subnet(subnet_id("vnet-9", "apps"), ("198.51.100.0/24", "10.9.2.0/24", "100.64.0.0/16")),)
    given = allowing("203.0.113.9").network("vnet-9", subnets=subnets)
    assert asked(given, replace(CLIENT, address=address)).verdict is UNKNOWN
    named = given.vault(acl=NetworkAcl(DENY, "None", (f"{address}/32",)))
    assert asked(named, replace(CLIENT, address=address)).verdict is UNKNOWN
    assert asked(given, replace(CLIENT, address="203.0.113.8")).verdict is FAIL


def test_a_service_endpoint_somewhere_in_the_network_takes_the_outbound_address_away() -> None:
    with_endpoint = Subnet(subnet_id("vnet-9", "apps"), ("10.9.2.0/24",), frozenset({"microsoft.keyvault"}))
    plain = Subnet(subnet_id("vnet-9", "plain"), ("10.9.3.0/24",))
    caller = replace(CLIENT, address="203.0.113.9")
    some = allowing("203.0.113.9").network("vnet-9", subnets=(with_endpoint, plain))
    assert asked(some, caller).verdict is UNKNOWN
    assert asked(some, replace(caller, subnet=plain.id)).verdict is PASS
    assert asked(some, replace(caller, subnet=with_endpoint.id)).verdict is FAIL
    assert asked(allowing("203.0.113.9").network("vnet-9", subnets=(plain,)), caller).verdict is PASS


def test_a_trusted_service_inside_a_network_may_still_be_let_through() -> None:
    gateway = service("Application Gateway", network=network_id("vnet-9"))
    for given in (allowing(bypass="AzureServices"), closed("AzureServices")):
        assert asked(given, gateway).verdict is UNKNOWN
    for given in (allowing(), closed()):
        assert asked(given, gateway).verdict is FAIL


@pytest.mark.parametrize("name", ["Azure App Service", "Azure Databricks", "Azure Virtual Machines", "Contoso"])
def test_code_that_runs_inside_a_network_is_never_trusted(name: str) -> None:
    inside = service(name, network=network_id("vnet-9"))
    for given in (allowing(bypass="AzureServices"), closed("AzureServices")):
        assert asked(given, inside).verdict is FAIL


@pytest.mark.parametrize("name", ["Azure Pipelines", "azure devops", "GitHub Actions", "GitHub"])
def test_hosted_runners_are_known_not_to_be_trusted(name: str) -> None:
    found = asked(allowing(bypass="AzureServices"), service(name))
    assert found.failing is not None
    assert found.failing.error == "403 Forbidden (ForbiddenByFirewall)"
    closed_one = asked(closed("AzureServices"), service(name)).failing
    assert closed_one is not None
    assert closed_one.error == "403 Forbidden (ForbiddenByConnection)"


def test_a_browser_of_no_named_network_is_said_to_be_taken_for_one_outside() -> None:
    assert "taken to be in no network" in asked(healthy(), Caller(CallerKind.PORTAL)).gates[0].reason


# -- the smallest change, and whom else it admits


def test_the_rule_for_a_runner_with_an_address_is_offered_exactly() -> None:
    for name in ("GitHub Actions", "Contoso"):
        found = asked(allowing(), service(name, address="20.1.2.3"))
        (change,) = [step for each in found.admissions for step in each.changes]
        assert isinstance(change, SetNetworkAcl)
        assert change.after.ip_rules == ("20.1.2.3",)
    trusted = asked(allowing(), service("Azure Backup", address="20.1.2.3"))
    (bypass,) = [step for each in trusted.admissions for step in each.changes]
    assert isinstance(bypass, SetNetworkAcl)
    assert (bypass.after.bypass, bypass.after.ip_rules) == ("AzureServices", ())


@pytest.mark.parametrize("address", ["203.0.113.7", ""])
def test_rules_that_wake_up_with_public_access_are_said(address: str) -> None:
    sleeping = closed("None", "198.51.100.0/24", subnets=(subnet_id("vnet-2", "old"),))
    caller = Caller(CallerKind.INTERNET, address)
    assert "198.51.100.0/24, subnet old" in asked(sleeping, caller).admissions[0].also_admits
    awake = sleeping.vault(public_access=PublicAccess.ENABLED)
    assert all("198.51.100.0/24" not in each.also_admits for each in asked(awake, caller).admissions)
    assert "already names" not in asked(closed(), caller).admissions[0].also_admits


def test_a_pending_connection_is_approved_before_another_endpoint_is_made() -> None:
    found = asked(healthy().connection(status=ConnectionStatus.PENDING), INSIDE)
    approve, create = found.admissions[:2]
    (change,) = approve.changes
    assert isinstance(change, ApproveConnection)
    assert approve.then == "then the caller is in, over private link"
    assert "KVG201" in approve.also_admits
    assert "create a private endpoint" in create.what


@pytest.mark.parametrize("status", [ConnectionStatus.REJECTED, ConnectionStatus.DISCONNECTED, ConnectionStatus.UNKNOWN])
def test_a_connection_that_does_not_wait_is_never_approved(status: ConnectionStatus) -> None:
    found = asked(healthy().connection(status=status), INSIDE)
    assert not any(isinstance(step, ApproveConnection) for each in found.admissions for step in each.changes)


def test_a_pending_connection_out_of_reach_is_not_offered() -> None:
    pending = healthy().connection(status=ConnectionStatus.PENDING).network("vnet-9")
    assert not any("approve" in each.what for each in asked(pending, CLIENT).admissions)


@pytest.mark.parametrize(
    ("operation", "role", "alone"),
    [
        ("secrets/get", "Key Vault Secrets User", True),
        ("secrets/list", "Key Vault Reader", False),
        ("keys/get", "Key Vault Reader", True),
        ("certificates/list", "Key Vault Reader", False),
        ("keys/wrapKey", "Key Vault Crypto Service Encryption User", True),
        ("keys/release", "Key Vault Crypto Service Release User", True),
        ("keys/sign", "Key Vault Crypto User", True),
        ("keys/create", "Key Vault Crypto Officer", False),
        ("secrets/purge", "Key Vault Secrets Officer", True),
    ],
)
def test_the_narrowest_role_shows_no_secret_to_who_asks_for_none(operation: str, role: str, alone: bool) -> None:
    caller = replace(INSIDE, principal=ME, operation=operation)
    (admission,) = asked(healthy().vault(roles=()), caller).admissions
    assert f"assign role {role} to" in admission.what
    assert ("one object" in admission.what) is alone


# -- what the four documents ask, end to end


def test_dns_servers_out_of_sight_and_partners_networks_are_not_known() -> None:
    spoke = healthy().network("vnet-9", dns_servers=("10.250.0.4",))
    assert asked(spoke, CLIENT).verdict is UNKNOWN
    hidden = Unread(UnreadReason.FORBIDDEN, "Microsoft.Network/virtualNetworks/read")
    partner = Given(replace(healthy().snapshot, networks={network_id("vnet-9"): hidden}), healthy().policy)
    assert asked(partner, CLIENT).verdict is UNKNOWN


def test_on_premises_over_expressroute_is_not_known_and_storage_with_own_keys_gets_in() -> None:
    assert asked(healthy(), Caller(CallerKind.INTERNET, "10.200.0.4")).verdict is UNKNOWN
    assert asked(closed("AzureServices"), service("Azure Storage")).verdict is PASS
    assert asked(closed(), service("Azure Storage")).verdict is FAIL
