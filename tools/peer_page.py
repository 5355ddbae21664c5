"""The page that sets the other tools' verdicts on eight states of a vault beside ours, which are computed for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from shared.domain.arm_id import CONNECTION, ENDPOINT, NETWORK, SUBNET, VAULT, ArmId
from shared.domain.clouds import AZURE_CLOUD
from shared.domain.endpoint import EndpointLink, PrivateEndpoint
from shared.domain.network import Network, Subnet
from shared.domain.peers import CHECKS, Concern, State, Verdict
from shared.domain.policy import Policy
from shared.domain.rule import Rule
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault import Connection, ConnectionStatus, DefaultAction, NetworkAcl, PublicAccess, Vault
from shared.engine.evaluate import evaluate

PAGE: Final = "docs/peers.md"
Table = Callable[[Sequence[str], Iterable[Sequence[str]]], str]

_SUBSCRIPTION: Final = "11111111-2222-4333-8444-555555555555"
_VAULT: Final = ArmId.of(_SUBSCRIPTION, "rg-sample", VAULT, "kv-sample")
_READ_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
_OPEN: Final = NetworkAcl(DefaultAction.ALLOW, "AzureServices")
_SHUT: Final = NetworkAcl(DefaultAction.DENY, "AzureServices")
_OFFICE: Final = ("203.0.113.7",)
_DOORS: Final = MappingProxyType(
    {
        State.OPEN_WITHOUT_ACL: (PublicAccess.ENABLED, None, None),
        State.EMPTY_RULES: (PublicAccess.ENABLED, _SHUT, None),
        State.ALLOW_LIST: (PublicAccess.ENABLED, NetworkAcl(DefaultAction.DENY, "AzureServices", _OFFICE), None),
        State.USELESS_RULES: (PublicAccess.ENABLED, NetworkAcl(DefaultAction.ALLOW, "AzureServices", _OFFICE), None),
        State.PRIVATE_WITHOUT_ACL: (PublicAccess.DISABLED, None, ConnectionStatus.APPROVED),
        State.PRIVATE_ALLOW: (PublicAccess.DISABLED, _OPEN, ConnectionStatus.APPROVED),
        State.OPEN_WITH_ENDPOINT: (PublicAccess.ENABLED, _OPEN, ConnectionStatus.APPROVED),
        State.ONLY_REJECTED: (PublicAccess.DISABLED, _SHUT, ConnectionStatus.REJECTED),
    }
)
_INTRODUCTION: Final = """\
Public network access, the firewall and the connections of a vault decide together who can reach it. Tools that look at
one of them contradict each other. These are eight states, what each check says about them, and what kvguard says about
the same questions for a vault of profile `private`. A verdict in **bold** is wrong: it contradicts what these settings
do. `kvguard peers VAULT` prints the same for a vault of yours."""
_CELLS: Final = {
    Verdict.FAILS: "fails",
    Verdict.PASSES: "passes",
    Verdict.INFORMS: "informs",
    Verdict.SILENT: "-",
    Verdict.UNKNOWN: "unknown",
}


def state_snapshot(state: State) -> VaultSnapshot:
    """A vault in one of the eight states, its endpoint and network read, no perimeter."""
    access, acl, status = _DOORS[state]
    network = ArmId.of(_SUBSCRIPTION, "rg-sample", NETWORK, "vnet-sample")
    subnet = ArmId.of(_SUBSCRIPTION, "rg-sample", SUBNET, "vnet-sample", "endpoints")
    endpoint = ArmId.of(_SUBSCRIPTION, "rg-sample", ENDPOINT, "pe-sample")
    connection = ArmId.of(_SUBSCRIPTION, "rg-sample", CONNECTION, "kv-sample", "pe-sample")
    connections = () if status is None else (Connection(connection, status, "Succeeded", endpoint),)
    links = () if status is None else (EndpointLink(_VAULT, status, manual=False),)
    read = PrivateEndpoint(endpoint, network, subnet, "Succeeded", links, ("10.0.0.4",), ())
    home = Network(network, ("10.0.0.0/16",), subnets=(Subnet(subnet, ("10.0.0.0/24",)),))
    return VaultSnapshot(
        AZURE_CLOUD,
        _READ_AT,
        Vault(_VAULT, "westeurope", access, acl, "Succeeded", connections, ()),
        {endpoint: read} if connections else {},
        {network: home} if connections else {},
        (),
        neighbours=(),
        claimants=(endpoint,) if connections else (),
    )


def ours(state: State, rules: Sequence[Rule]) -> tuple[str, ...]:
    """The ids of our rules about the same questions that find something in a private vault of this state."""
    asked = frozenset(rule for concern in Concern for rule in concern.value)
    policy = Policy(watched_subscriptions=frozenset({_SUBSCRIPTION}))
    found = evaluate(state_snapshot(state), policy, rules).findings
    return tuple(sorted({finding.rule for finding in found if finding.rule in asked}))


def peer_page(rules: Sequence[Rule], table: Table) -> str:
    """The text of the page. A verdict that is recorded as wrong is in bold."""
    states = list(State)
    rows = []
    for check in CHECKS:
        cells = [
            f"**{_CELLS[check.recorded(state)]}**" if state in check.wrong else _CELLS[check.recorded(state)]
            for state in states
        ]
        rows.append([f"{check.peer} `{check.rule}`", *cells])
    rows.append(["**kvguard**", *(", ".join(ours(state, rules)) or "finds nothing" for state in states)])
    sources = [[f"{c.peer} `{c.rule}`", c.looks_at, f"{c.source}, {c.read}", c.basis.value] for c in CHECKS]
    return (
        "\n\n".join(
            [
                "<!-- Generated by `make docs` from shared/domain/peers.py. Edit that, not this. -->",
                "# What other tools say about the same vault",
                _INTRODUCTION,
                *(f"- State {state.value}." for state in states),
                table(["Check", *(state.value.split(" ")[0] for state in states)], rows),
                "## Where the verdicts come from",
                table(["Check", "Looks at", "Source and version", "How it is known"], sources),
            ]
        ).replace(".\n\n- State", ".\n- State")
        + "\n"
    )
