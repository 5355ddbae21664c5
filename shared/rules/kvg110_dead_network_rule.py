"""KVG110 dead-network-rule: its network is gone, or its subnet has no service endpoint for Key Vault.

What it finds
-------------
A virtual network rule whose network or subnet does not exist any more, or whose subnet lacks the service endpoint
``Microsoft.KeyVault``. ``ignoreMissingVnetServiceEndpoint`` only lets such a rule be created; it admits nobody either.

Why it matters
--------------
The rule looks like access in every list and gives 403 to those it names. A subnet that is created again under the same
name is let in without anybody deciding it.

Example
-------
A rule for subnet ``apps``, which was deleted with its network.

Remediation
-----------
Remove exactly the dead rules; the other rules, default action and bypass stay. Or switch the service endpoint on in the
subnet, if its clients are meant to come in that way.

Remediation safety
------------------
Never by itself. The rule admits nobody today, but the network may be about to come back, or the service endpoint to be
added. A network that cannot be read makes its rules not evaluated. The change keeps the complete firewall for undo.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/overview-vnet-service-endpoints
https://learn.microsoft.com/azure/virtual-network/virtual-network-service-endpoints-overview
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.arm_id import SUBNET, ArmId
from shared.domain.firewall_edit import what_removal_does, without_rules
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.public_door import firewall
from shared.domain.reading import Gone, Unread, UnreadReason
from shared.domain.rule import Blocker, Case, Proposal, Rule, Unknown, Violation
from shared.domain.snapshot import VaultSnapshot

_SERVICE = "microsoft.keyvault"
_ASK = Blocker("the network or its service endpoint may be about to come back")


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the vault once with every dead rule, and an Unknown for each rule whose network is not known."""
    vault = case.snapshot.vault
    dead: dict[ArmId, str] = {}
    for rule in sorted(firewall(vault).network_rules):
        why = _why(case.snapshot, rule)
        if isinstance(why, Unread):
            yield Unknown(rule, why)
        elif why:
            dead[rule] = why
    if not dead:
        return
    change = without_rules(vault, (), tuple(dead))
    proposals = (
        ()
        if change is None
        else (Proposal(change, (_ASK,), Applicability.APPROVAL, what_removal_does(vault, change, dead=True)),)
    )
    named = "; ".join(f"subnet {rule.name} of network {rule.parent.name}: {why}" for rule, why in dead.items())
    yield Violation(
        subject=vault.id,
        message=f"The firewall of vault {vault.name} has network rules that admit nobody: {named}.",
        facts={"dead_rules": [f"{rule.key}: {why}" for rule, why in dead.items()]},
        proposals=proposals,
    )


def _why(snapshot: VaultSnapshot, rule: ArmId) -> str | Unread:
    """Why a rule admits nobody, empty where it may admit somebody."""
    if not rule.is_a(SUBNET):
        return Unread(UnreadReason.UNSUPPORTED, f"network rule {rule.text} names no subnet")
    network = snapshot.around(rule.parent)
    if isinstance(network, Unread):
        return network
    if isinstance(network, Gone):
        return "the network does not exist"
    subnet = network.subnet(rule)
    if subnet is None:
        return "the subnet does not exist"
    return "" if _SERVICE in subnet.service_endpoints else "the subnet has no service endpoint Microsoft.KeyVault"


RULE = Rule(
    id="KVG110",
    name="dead-network-rule",
    title="A network rule of the firewall admits nobody",
    severity=Severity.LOW,
    ceiling=Applicability.APPROVAL,
    default=Mode.APPROVE,
    check=check,
    at_events=False,
    controls=MappingProxyType(
        {
            "Steampipe": ("keyvault_vault_use_virtual_service_endpoint",),
            "Community Policy": ("audit-if-key-vault-has-no-virtual-network-rules",),
        }
    ),
)
