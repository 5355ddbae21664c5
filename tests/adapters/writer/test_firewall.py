"""Public network access and firewall: one member changed, the rest untouched and looked at again."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from emulator.arm.faults import Delay
from shared.domain.arm_id import ArmId
from shared.domain.change import SetNetworkAcl, SetPublicAccess
from shared.domain.plan import OutcomeKind
from shared.domain.vault import DefaultAction, NetworkAcl, PublicAccess
from tests.adapters.writer.conftest import Bench
from tests.emulator.arm.estate import SUBNET, VAULT, vault_body

VAULT_ID = ArmId.parse(VAULT)
CLOSE = SetPublicAccess(VAULT_ID, PublicAccess.ENABLED, PublicAccess.DISABLED)
RULES: dict[str, Any] = {
    "bypass": "None",
    "defaultAction": "Allow",
    "ipRules": [{"value": "198.51.100.7/32"}],
    "virtualNetworkRules": [{"id": SUBNET.lower(), "ignoreMissingVnetServiceEndpoint": False}],
}
READ_RULES = NetworkAcl(DefaultAction.ALLOW, "None", ("198.51.100.7",), (ArmId.parse(SUBNET),))


def test_public_access_is_patched_alone(bench: Bench) -> None:
    bench.estate.vault(networkAcls=RULES, enabledForDeployment=True)
    before = bench.get(VAULT)["properties"]

    outcome = bench.apply(CLOSE)

    assert (outcome.kind, outcome.detail) == (OutcomeKind.APPLIED, "")
    (write,) = bench.writes
    assert (write.method, write.body) == ("PATCH", {"properties": {"publicNetworkAccess": "Disabled"}})
    assert [entry.method for entry in bench.azure.log.since()] == ["GET", "PATCH", "GET"]
    assert bench.get(VAULT)["properties"] == {**before, "publicNetworkAccess": "Disabled"}


def test_public_access_that_moved_is_a_conflict(bench: Bench) -> None:
    bench.estate.vault(publicNetworkAccess="SecuredByPerimeter")

    outcome = bench.apply(CLOSE)

    assert (outcome.kind, bench.writes) == (OutcomeKind.CONFLICT, [])
    assert "SecuredByPerimeter" in outcome.detail


def test_public_access_that_is_already_so_is_left(bench: Bench) -> None:
    bench.estate.vault(publicNetworkAccess="disabled")

    assert (bench.apply(CLOSE).kind, bench.writes) == (OutcomeKind.ALREADY_TRUE, [])


def test_an_unknown_value_is_never_sent(bench: Bench) -> None:
    bench.estate.vault()

    outcome = bench.apply(SetPublicAccess(VAULT_ID, PublicAccess.ENABLED, PublicAccess.UNKNOWN))

    assert (outcome.kind, bench.writes) == (OutcomeKind.REFUSED, [])


def test_a_vault_that_is_gone_is_a_conflict(bench: Bench) -> None:
    bench.estate.group()

    assert bench.apply(CLOSE).kind is OutcomeKind.CONFLICT


def test_what_others_changed_meanwhile_is_reported_with_both_values(bench: Bench) -> None:
    bench.estate.vault()
    bench.azure.faults.add("PATCH", "/vaults/", Delay(0.3))

    def interfere() -> None:
        while not bench.reads:
            time.sleep(0.005)
        bench.azure.seed("PATCH", VAULT, {"tags": {"cost": "42"}, "properties": {"enabledForDeployment": True}})

    other = threading.Thread(target=interfere)
    other.start()
    outcome = bench.apply(CLOSE)
    other.join()

    assert outcome.kind is OutcomeKind.APPLIED
    assert 'tags {} -> {"cost":"42"}' in outcome.detail
    assert "properties.enabledForDeployment false -> true" in outcome.detail


def test_the_default_action_goes_with_the_whole_firewall_as_read(bench: Bench) -> None:
    bench.estate.vault(networkAcls=RULES)
    after = NetworkAcl(DefaultAction.DENY, "None", READ_RULES.ip_rules, READ_RULES.network_rules)

    outcome = bench.apply(SetNetworkAcl(VAULT_ID, READ_RULES, after))

    assert (outcome.kind, outcome.detail) == (OutcomeKind.APPLIED, "")
    (write,) = bench.writes
    assert write.body == {"properties": {"networkAcls": {**RULES, "defaultAction": "Deny"}}}
    assert bench.get(VAULT)["properties"]["networkAcls"] == {**RULES, "defaultAction": "Deny"}


def test_address_rules_are_replaced_when_they_differ(bench: Bench) -> None:
    bench.estate.vault(networkAcls=RULES)
    after = NetworkAcl(DefaultAction.ALLOW, "None", ("203.0.113.0/24",), READ_RULES.network_rules)

    bench.apply(SetNetworkAcl(VAULT_ID, READ_RULES, after))

    (write,) = bench.writes
    assert write.body == {"properties": {"networkAcls": {**RULES, "ipRules": [{"value": "203.0.113.0/24"}]}}}


def test_an_absent_firewall_is_the_open_one(bench: Bench) -> None:
    bench.estate.vault()
    after = NetworkAcl(DefaultAction.DENY, "AzureServices")

    outcome = bench.apply(SetNetworkAcl(VAULT_ID, None, after))

    assert outcome.kind is OutcomeKind.APPLIED
    acls = bench.get(VAULT)["properties"]["networkAcls"]
    assert (acls["defaultAction"], acls["bypass"]) == ("Deny", "AzureServices")


@pytest.mark.parametrize(
    "moved",
    [
        {"defaultAction": "Deny"},
        {"bypass": "AzureServices"},
        {"ipRules": [{"value": "198.51.100.8"}]},
        {"virtualNetworkRules": []},
    ],
    ids=lambda moved: next(iter(moved)),
)
def test_a_firewall_of_which_any_member_moved_is_a_conflict(bench: Bench, moved: dict[str, Any]) -> None:
    bench.estate.put(VAULT.split("/providers/")[0], {"location": "westeurope"})
    bench.estate.put(VAULT, vault_body(networkAcls={**RULES, **moved}))
    after = NetworkAcl(DefaultAction.ALLOW, "None")

    outcome = bench.apply(SetNetworkAcl(VAULT_ID, READ_RULES, after))

    assert (outcome.kind, bench.writes) == (OutcomeKind.CONFLICT, [])
    assert next(iter(moved)) in outcome.detail


def test_a_firewall_that_is_already_so_is_left(bench: Bench) -> None:
    bench.estate.vault(networkAcls=RULES)
    before = NetworkAcl(DefaultAction.DENY, "None")

    assert bench.apply(SetNetworkAcl(VAULT_ID, before, READ_RULES)).kind is OutcomeKind.ALREADY_TRUE
    assert bench.writes == []
