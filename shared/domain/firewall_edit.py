"""Changes of a vault's firewall: one member of the freshly read object replaced, and what follows from it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from shared.domain.arm_id import ArmId
from shared.domain.change import SetNetworkAcl
from shared.domain.public_door import closed_by_empty_rules, firewall
from shared.domain.vault import DefaultAction, NetworkAcl, PublicAccess, Vault


def without_rules(vault: Vault, addresses: Collection[str], subnets: Collection[ArmId]) -> SetNetworkAcl | None:
    """The firewall without these IP rules and subnets, everything else kept; None where it cannot be written back."""
    acl = firewall(vault)
    return _set(
        vault,
        replace(
            acl,
            ip_rules=tuple(rule for rule in acl.ip_rules if rule not in addresses),
            network_rules=tuple(rule for rule in acl.network_rules if rule not in subnets),
        ),
    )


def with_bypass(vault: Vault, bypass: str) -> SetNetworkAcl | None:
    """The firewall with another ``bypass``, everything else kept; None where it cannot be written back."""
    return _set(vault, replace(firewall(vault), bypass=bypass))


def what_removal_does(vault: Vault, change: SetNetworkAcl, *, dead: bool = False) -> str:
    """Who notices that rules are removed, as a warning; ``dead`` rules admit nobody anyway."""
    if vault.public_access is PublicAccess.DISABLED:
        return "Nobody notices today: public access is off. Switched on again, the vault has these rules no longer."
    if firewall(vault).default_action is DefaultAction.ALLOW:
        return "Nobody notices today: the firewall allows everybody, with these rules or without."
    who = "Nobody comes in" if dead else "Callers that come in"
    warning = f"{who} through these rules{' today' if dead else ' get 403 ForbiddenByFirewall'}."
    if not closed_by_empty_rules(replace(vault, acl=change.after)):
        return warning
    warning += " No rule is left, so nobody comes in over the public endpoint any more"
    return f"{warning}." if vault.effective_connections else f"{warning}, and the vault has no effective connection."


def _set(vault: Vault, after: NetworkAcl) -> SetNetworkAcl | None:
    # A value that nobody knows cannot be sent back.
    unknown = firewall(vault).default_action is DefaultAction.UNKNOWN
    return None if unknown else SetNetworkAcl(vault.id, vault.acl, after)
