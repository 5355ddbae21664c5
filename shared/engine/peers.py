"""What other tools would say about a vault, what kvguard says about the same question, and why they differ. Pure.

Each check of another tool is a small predicate over what that tool looks at. For the eight states of the table the
recorded verdict counts (a test proves that the predicate gives the same), for every other vault the predicate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from shared.domain.finding import Assessment
from shared.domain.peers import CHECKS, Check, Concern, Ours, PeerRow, State, Verdict
from shared.domain.public_door import firewall, trusted_services_pass
from shared.domain.vault import ConnectionStatus, DefaultAction, PublicAccess, Vault

Predicate = Callable[[Vault], Verdict]

_OPEN_TEXTS: Final = ("0.0.0.0/0", "0.0.0.0")
_ON, _OFF = PublicAccess.ENABLED, PublicAccess.DISABLED


def peer_verdicts(vault: Vault, assessment: Assessment) -> tuple[PeerRow, ...]:
    """Every known check of other tools on one vault, beside kvguard's own assessment of the same vault."""
    state = state_of(vault)
    return tuple(_row(vault, assessment, check, state) for check in CHECKS)


def compared_rules() -> frozenset[str]:
    """The rules of ours that answer a question of some check."""
    return frozenset().union(*(check.concern.value for check in CHECKS))


def verdict(check: Check, vault: Vault) -> Verdict:
    """What a check would say, by its own logic; UNKNOWN where that is not known for such a vault."""
    predicate = _PREDICATES.get(check.rule)
    return Verdict.UNKNOWN if predicate is None else predicate(vault)


def state_of(vault: Vault) -> State | None:
    """The one of the eight states that the vault is in exactly, None for any other vault."""
    return next((state for state, fits in _STATES.items() if fits(vault)), None)


def _row(vault: Vault, assessment: Assessment, check: Check, state: State | None) -> PeerRow:
    recorded = Verdict.UNKNOWN if state is None else check.recorded(state)
    says = verdict(check, vault) if recorded is Verdict.UNKNOWN else recorded
    found = tuple(sorted({f.rule for f in assessment.findings if f.rule in check.concern.value}))
    ours = _ours(assessment, check.concern, found)
    agrees = _agrees(says, ours)
    wrong = state is not None and state in check.wrong
    why = _why(vault, assessment, check, says, ours) if agrees is not True else ""
    return PeerRow(check, says, ours, found, agrees, why, state, wrong)


def _ours(assessment: Assessment, concern: Concern, found: tuple[str, ...]) -> Ours:
    if found:
        return Ours.FINDS
    if any(missing.rule in concern.value for missing in assessment.not_evaluated):
        return Ours.NOT_EVALUATED
    return Ours.CLEAN if concern.value <= set(assessment.evaluated) else Ours.OFF


def _agrees(says: Verdict, ours: Ours) -> bool | None:
    if says not in (Verdict.FAILS, Verdict.PASSES) or ours not in (Ours.FINDS, Ours.CLEAN):
        return None
    return (says is Verdict.FAILS) is (ours is Ours.FINDS)


def _why(vault: Vault, assessment: Assessment, check: Check, says: Verdict, ours: Ours) -> str:
    theirs = f"{check.peer} {says.value}: it looks at {check.looks_at}"
    if ours is Ours.FINDS:
        lines = [f"{f.rule}: {f.message}" for f in assessment.findings if f.rule in check.concern.value]
        return f"{theirs}. {' '.join(lines)}"
    if ours is Ours.NOT_EVALUATED:
        missing = next(m for m in assessment.not_evaluated if m.rule in check.concern.value)
        return f"{theirs}. {missing.rule} is not evaluated: {missing.unread}."
    if ours is Ours.OFF:
        silent = ", ".join(sorted(check.concern.value - set(assessment.evaluated)))
        return f"{theirs}. kvguard does not judge that here: {silent} switched off."
    return f"{theirs}. kvguard finds nothing: {_as_it_is(vault, check.concern)}."


def _as_it_is(vault: Vault, concern: Concern) -> str:
    """What decides the question of a check, in one phrase."""
    if concern is Concern.BYPASS:
        return "policy does not ask for another bypass than the vault has"
    acl = firewall(vault)
    if vault.public_access is _OFF:
        door = "public access is off, whatever the firewall says"
    elif acl.default_action is DefaultAction.DENY and not (acl.ip_rules or acl.network_rules):
        door = "the firewall denies by default and admits nobody"
    elif acl.default_action is DefaultAction.DENY:
        door = "the firewall denies by default and admits only whom its rules name"
    else:
        door = "the profile or a perimeter covers that the firewall allows everybody"
    return f"{door}; {len(vault.effective_connections)} of {len(vault.connections)} connections effective"


# -- the checks, each as its own tool decides


def _access(vault: Vault, decide: Callable[[bool], Verdict]) -> Verdict:
    """A verdict that depends on whether public access is Disabled; a value nobody knows gives none."""
    unknown = vault.public_access is PublicAccess.UNKNOWN
    return Verdict.UNKNOWN if unknown else decide(vault.public_access is _OFF)


def _denies(vault: Vault) -> Verdict:
    """A check of the default action alone: absent counts as Allow."""
    action = firewall(vault).default_action
    if action is DefaultAction.UNKNOWN:
        return Verdict.UNKNOWN
    return Verdict.PASSES if action is DefaultAction.DENY else Verdict.FAILS


def _disabled(vault: Vault) -> Verdict:
    return _access(vault, lambda off: Verdict.PASSES if off else Verdict.FAILS)


def _disabled_or_denies(vault: Vault) -> Verdict:
    return _access(vault, lambda off: Verdict.PASSES if off else _denies(vault))


def _approved(vault: Vault) -> Verdict:
    approved = any(connection.status is ConnectionStatus.APPROVED for connection in vault.connections)
    return Verdict.PASSES if approved else Verdict.FAILS


def _any_connection(vault: Vault) -> Verdict:
    return Verdict.PASSES if vault.connections else Verdict.FAILS


def _disabled_with_connection(vault: Vault) -> Verdict:
    return _disabled(vault) if vault.connections else Verdict.SILENT


def _any_ip_rule(vault: Vault) -> Verdict:
    return Verdict.PASSES if firewall(vault).ip_rules else Verdict.FAILS


def _private_link_used(vault: Vault) -> Verdict:
    denies = _denies(vault)
    if denies is not Verdict.PASSES:
        return denies
    return _approved(vault) if vault.connections else Verdict.INFORMS


def _not_open(vault: Vault) -> Verdict:
    def otherwise(off: bool) -> Verdict:
        denies = _denies(vault)
        if off:
            return Verdict.PASSES
        opened = any(rule in _OPEN_TEXTS for rule in firewall(vault).ip_rules)
        return Verdict.FAILS if denies is Verdict.PASSES and opened else denies

    return _access(vault, otherwise)


def _disabled_or_any_ip_rule(vault: Vault) -> Verdict:
    if vault.public_access is PublicAccess.SECURED_BY_PERIMETER:
        # Terraform's argument is true or false and cannot say it.
        return Verdict.UNKNOWN
    return _access(vault, lambda off: Verdict.PASSES if off else _any_ip_rule(vault))


def _bypass_on(vault: Vault) -> Verdict:
    return {True: Verdict.PASSES, False: Verdict.FAILS, None: Verdict.UNKNOWN}[trusted_services_pass(vault)]


_PREDICATES: Final[Mapping[str, Predicate]] = MappingProxyType(
    {
        "55615ac9-af46-4a59-874e-391cc3dfb490": _disabled_or_denies,
        "405c5871-3e91-4644-8a63-58e19d68ff5b": _disabled,
        "a6abeaec-4d90-4a02-805f-6b26c4d3fbe9": _approved,
        "keyvault_private_endpoints": _any_connection,
        "keyvault_access_only_through_private_endpoints": _disabled_with_connection,
        "keyvault-public-traffic-allowed": _denies,
        "keyvault_vault_public_network_access_disabled": _denies,
        "keyvault_firewall_enabled": _any_ip_rule,
        "keyvault_vault_private_link_used": _private_link_used,
        "keyVaultPublicAccess": _not_open,
        "keyVaultsPrivateEndpoint": _any_connection,
        "restrictDefaultNetworkAccess": _denies,
        "trustedServicesEnabled": _bypass_on,
        "CKV_AZURE_189": _disabled_or_any_ip_rule,
        "CKV_AZURE_109": _denies,
        "AZU-0013": _denies,
        "Azure.KeyVault.Firewall": _denies,
    }
)


# -- the eight states


def _is(vault: Vault, access: PublicAccess, action: DefaultAction | None, addresses: int, *statuses: str) -> bool:
    """Whether the vault has this door, so many IP rules and no subnets, and connections of these states only."""
    acl = firewall(vault)
    found = tuple(sorted({connection.status.value for connection in vault.connections}))
    return (
        vault.public_access is access
        and (None if vault.acl is None else vault.acl.default_action) is action
        and len(acl.ip_rules) == addresses
        and not acl.network_rules
        and not any(rule in _OPEN_TEXTS for rule in acl.ip_rules)
        and found == statuses
    )


_STATES: Final[Mapping[State, Callable[[Vault], bool]]] = MappingProxyType(
    {
        State.OPEN_WITHOUT_ACL: lambda vault: _is(vault, _ON, None, 0),
        State.EMPTY_RULES: lambda vault: _is(vault, _ON, DefaultAction.DENY, 0),
        State.ALLOW_LIST: lambda vault: _is(vault, _ON, DefaultAction.DENY, 1),
        State.USELESS_RULES: lambda vault: (
            bool(firewall(vault).ip_rules) and _is(vault, _ON, DefaultAction.ALLOW, len(firewall(vault).ip_rules))
        ),
        State.PRIVATE_WITHOUT_ACL: lambda vault: _is(vault, _OFF, None, 0, "Approved"),
        State.PRIVATE_ALLOW: lambda vault: _is(vault, _OFF, DefaultAction.ALLOW, 0, "Approved"),
        State.OPEN_WITH_ENDPOINT: lambda vault: _is(vault, _ON, DefaultAction.ALLOW, 0, "Approved"),
        State.ONLY_REJECTED: lambda vault: _is(vault, _OFF, DefaultAction.DENY, 0, "Rejected"),
    }
)
