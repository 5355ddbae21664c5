"""What other tools say about eight states of a vault, as recorded: the states that they contradict each other about.

Each cell is one check's verdict on one state, taken by running the tool's own code, by reading that code, or from its
page. A cell that was not established is UNKNOWN and stays so.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Verdict(Enum):
    """What a check says about a vault."""

    FAILS = "fails"
    PASSES = "passes"
    INFORMS = "informs"
    SILENT = "says nothing"
    UNKNOWN = "unknown"


class Basis(Enum):
    """How a verdict is known."""

    RUN = "the tool's own code was run"
    READ = "the tool's code was read"
    PAGE = "the tool's page was read, not its code"


class Concern(Enum):
    """What a check is about, with the rules of ours that answer the same question."""

    OPEN = frozenset({"KVG101", "KVG104", "KVG107"})
    PUBLIC_ACCESS = frozenset({"KVG101", "KVG104", "KVG106", "KVG107", "KVG108"})
    PRIVATE_WAY = frozenset({"KVG102", "KVG204"})
    ONLY_PRIVATE = frozenset({"KVG101", "KVG102", "KVG104", "KVG107", "KVG204"})
    BYPASS = frozenset({"KVG105"})


class State(Enum):
    """The eight states, by number. A state says nothing about perimeters: no tool of the table looks at them."""

    OPEN_WITHOUT_ACL = "1 public access on, no ACL, no private endpoint"
    EMPTY_RULES = "2 public access on, Deny, no rules, no private endpoint"
    ALLOW_LIST = "3 public access on, Deny, one IP rule, no private endpoint"
    USELESS_RULES = "4 public access on, Allow with IP rules, no private endpoint"
    PRIVATE_WITHOUT_ACL = "5 public access off, no ACL, connection Approved"
    PRIVATE_ALLOW = "6 public access off, Allow, connection Approved"
    OPEN_WITH_ENDPOINT = "7 public access on, Allow, connection Approved"
    ONLY_REJECTED = "8 public access off, Deny, connection Rejected only"


@dataclass(frozen=True, slots=True)
class Check:
    """One check of another tool. ``looks_at`` completes "it looks at ..."; ``read`` is the version that was judged."""

    peer: str
    rule: str
    concern: Concern
    looks_at: str
    source: str
    read: str
    basis: Basis
    cells: tuple[Verdict, ...] = ()
    wrong: frozenset[State] = frozenset()

    def recorded(self, state: State) -> Verdict:
        """The recorded verdict on one of the eight states, UNKNOWN where none was established."""
        return self.cells[list(State).index(state)] if self.cells else Verdict.UNKNOWN


class Ours(Enum):
    """What kvguard says about the question of a check."""

    FINDS = "finds"
    CLEAN = "finds nothing"
    NOT_EVALUATED = "not evaluated"
    OFF = "switched off"


@dataclass(frozen=True, slots=True)
class PeerRow:
    """One line of the comparison. ``agrees`` is None where one side says nothing; ``why`` explains a difference.

    ``found`` are the rules of ours that found something. ``state`` is the one of the eight that the vault is in, None
    when it is in none of them; ``wrong`` says that this verdict on that state is recorded as wrong.
    """

    check: Check
    says: Verdict
    ours: Ours
    found: tuple[str, ...]
    agrees: bool | None
    why: str
    state: State | None
    wrong: bool

    @property
    def basis(self) -> Basis:
        """How the tool's verdict is known."""
        return self.check.basis


_LETTERS: Final = {"F": Verdict.FAILS, "P": Verdict.PASSES, "i": Verdict.INFORMS, "-": Verdict.SILENT}


def _cells(text: str) -> tuple[Verdict, ...]:
    """A row of the table, one letter for each state in order."""
    row = tuple(_LETTERS[letter] for letter in text.split())
    if len(row) != len(State):
        raise ValueError(f"{len(row)} cells for {len(State)} states")
    return row


_SHUT_ALL_THE_SAME: Final = frozenset({State.PRIVATE_WITHOUT_ACL, State.PRIVATE_ALLOW})
_POLICY: Final = "Azure/azure-policy, built-in-policies/policyDefinitions/Key Vault"
_PROWLER: Final = "prowler-cloud/prowler, prowler/providers/azure/services/keyvault"
_STEAMPIPE: Final = "turbot/steampipe-mod-azure-compliance, regulatory_compliance/keyvault.pp"
_CLOUDSPLOIT: Final = "aquasecurity/cloudsploit, plugins/azure/keyvaults"

CHECKS: Final[tuple[Check, ...]] = (
    Check(
        "Azure Policy",
        "55615ac9-af46-4a59-874e-391cc3dfb490",
        Concern.OPEN,
        "publicNetworkAccess and the firewall's default action (its IP parameters at their defaults)",
        _POLICY,
        "3.3.0, 2026-04-29",
        Basis.READ,
        _cells("F P P F P P F P"),
    ),
    Check(
        "Azure Policy",
        "405c5871-3e91-4644-8a63-58e19d68ff5b",
        Concern.PUBLIC_ACCESS,
        "publicNetworkAccess alone",
        _POLICY,
        "1.1.0, 2026-04-29",
        Basis.READ,
        _cells("F F F F P P F P"),
    ),
    Check(
        "Azure Policy",
        "a6abeaec-4d90-4a02-805f-6b26c4d3fbe9",
        Concern.PRIVATE_WAY,
        "whether a connection is Approved, not whether it is provisioned",
        _POLICY,
        "1.2.1, 2026-04-29",
        Basis.READ,
        _cells("F F F F P P P F"),
    ),
    Check(
        "Prowler",
        "keyvault_private_endpoints",
        Concern.PRIVATE_WAY,
        "whether there is a connection, in whatever state",
        _PROWLER,
        "3e000fa, 2026-08-21",
        Basis.RUN,
        _cells("F F F F P P P P"),
        frozenset({State.ONLY_REJECTED}),
    ),
    Check(
        "Prowler",
        "keyvault_access_only_through_private_endpoints",
        Concern.PUBLIC_ACCESS,
        "publicNetworkAccess of vaults that have a connection in whatever state, and skips the others",
        _PROWLER,
        "3e000fa, 2026-08-21",
        Basis.RUN,
        _cells("- - - - P P F P"),
    ),
    Check(
        "ScoutSuite",
        "keyvault-public-traffic-allowed",
        Concern.OPEN,
        "the firewall's default action alone, not at publicNetworkAccess",
        "nccgroup/ScoutSuite, ScoutSuite/providers/azure/resources/keyvault/vaults.py",
        "7909f2f, 2024-05-10",
        Basis.RUN,
        _cells("F P P F F F F P"),
        _SHUT_ALL_THE_SAME,
    ),
    Check(
        "Steampipe",
        "keyvault_vault_public_network_access_disabled",
        Concern.PUBLIC_ACCESS,
        "the firewall's default action alone, and calls that public network access",
        _STEAMPIPE,
        "464a8ef, 2026-05-28",
        Basis.READ,
        _cells("F P P F F F F P"),
        _SHUT_ALL_THE_SAME | {State.EMPTY_RULES, State.ALLOW_LIST},
    ),
    Check(
        "Steampipe",
        "keyvault_firewall_enabled",
        Concern.OPEN,
        "whether the firewall has an IP rule, not at its default action nor at publicNetworkAccess",
        _STEAMPIPE,
        "464a8ef, 2026-05-28",
        Basis.READ,
        _cells("F F P P F F F F"),
        _SHUT_ALL_THE_SAME | {State.EMPTY_RULES, State.USELESS_RULES, State.ONLY_REJECTED},
    ),
    Check(
        "Steampipe",
        "keyvault_vault_private_link_used",
        Concern.ONLY_PRIVATE,
        "the firewall's default action before the connections, not at publicNetworkAccess",
        _STEAMPIPE,
        "464a8ef, 2026-05-28",
        Basis.READ,
        _cells("F i i F F F F F"),
        _SHUT_ALL_THE_SAME,
    ),
    Check(
        "CloudSploit",
        "keyVaultPublicAccess",
        Concern.OPEN,
        "publicNetworkAccess, the firewall's default action and IP rules that read 0.0.0.0/0",
        _CLOUDSPLOIT,
        "4b5bbd8, 2025-12-04",
        Basis.RUN,
        _cells("F P P F P P F P"),
    ),
    Check(
        "CloudSploit",
        "keyVaultsPrivateEndpoint",
        Concern.PRIVATE_WAY,
        "whether there is a connection, in whatever state",
        _CLOUDSPLOIT,
        "4b5bbd8, 2025-12-04",
        Basis.RUN,
        _cells("F F F F P P P P"),
        frozenset({State.ONLY_REJECTED}),
    ),
    Check(
        "CloudSploit",
        "restrictDefaultNetworkAccess",
        Concern.OPEN,
        "the firewall's default action alone, not at publicNetworkAccess",
        _CLOUDSPLOIT,
        "4b5bbd8, 2025-12-04",
        Basis.RUN,
        _cells("F P P F F F F P"),
        _SHUT_ALL_THE_SAME,
    ),
    Check(
        "CloudSploit",
        "trustedServicesEnabled",
        Concern.BYPASS,
        "whether the firewall's bypass is None, and always wants it on",
        _CLOUDSPLOIT,
        "4b5bbd8, 2025-12-04",
        Basis.RUN,
    ),
    Check(
        "Checkov",
        "CKV_AZURE_189",
        Concern.PUBLIC_ACCESS,
        "publicNetworkAccess, and passes any vault whose firewall has an IP rule (Terraform)",
        "bridgecrewio/checkov, checkov/terraform/checks/resource/azure/KeyVaultDisablesPublicNetworkAccess.py",
        "3.3.30, 2026-08-20",
        Basis.RUN,
        _cells("F F P P P P F P"),
        frozenset({State.USELESS_RULES}),
    ),
    Check(
        "Checkov",
        "CKV_AZURE_109",
        Concern.OPEN,
        "the firewall's default action alone, not at publicNetworkAccess",
        "bridgecrewio/checkov, KeyVaultEnablesFirewallRulesSettings.py",
        "3.3.30, 2026-08-20",
        Basis.RUN,
        _cells("F P P F F F F P"),
        _SHUT_ALL_THE_SAME,
    ),
    Check(
        "Checkov",
        "CKV2_AZURE_32",
        Concern.PRIVATE_WAY,
        "Terraform code that connects a private endpoint to the vault, which a running vault does not show",
        "bridgecrewio/checkov",
        "3.3.30, 2026-08-20",
        Basis.READ,
    ),
    Check(
        "Trivy",
        "AZU-0013",
        Concern.OPEN,
        "the firewall's default action alone, not at publicNetworkAccess",
        "aquasecurity/trivy-checks, checks/cloud/azure/keyvault/specify_network_acl.rego",
        "80e5382, 2026-08-21",
        Basis.READ,
        _cells("F P P F F F F P"),
        _SHUT_ALL_THE_SAME,
    ),
    Check(
        "PSRule",
        "Azure.KeyVault.Firewall",
        Concern.OPEN,
        "the firewall's default action alone, not at publicNetworkAccess",
        "Azure/PSRule.Rules.Azure, Azure.KeyVault.Firewall.md",
        "2024-06-17",
        Basis.PAGE,
        _cells("F P P F F F F P"),
        _SHUT_ALL_THE_SAME,
    ),
)
