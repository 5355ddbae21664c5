"""What holds for explanations over any estate: hiding gives no verdict, and an exact change opens the gate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce

from hypothesis import given, settings

from shared.domain.access import Caller, CallerKind, Verdict
from shared.domain.arm_id import ArmId
from shared.domain.network import Network
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault import DefaultAction, NetworkAcl, PublicAccess
from shared.engine.access import explain
from tests.estate_strategies import estates
from tests.estates import EstateCase, hideable, snapshot_of
from tests.focused_estates import every_focused_estate

OPEN_TO_ONE = NetworkAcl(DefaultAction.DENY, "None", ("198.51.100.7",))


def callers(snapshot: VaultSnapshot) -> Iterator[Caller]:
    """One from each network, from the internet, and a service."""
    for network in sorted(key for key, known in snapshot.networks.items() if isinstance(known, Network)):
        yield Caller(CallerKind.NETWORK, network=network)
    yield Caller(CallerKind.INTERNET, "203.0.113.7")
    yield Caller(CallerKind.SERVICE, service="Azure Backup")


def with_doors(snapshot: VaultSnapshot) -> Iterator[VaultSnapshot]:
    """The vault as it is, and with public access on for one address."""
    yield snapshot
    yield replace(snapshot, vault=replace(snapshot.vault, public_access=PublicAccess.ENABLED, acl=OPEN_TO_ONE))


def contradictions(estate: EstateCase, vault: ArmId) -> Iterator[str]:
    """Verdicts that hiding a part gives or turns round."""
    seen = snapshot_of(estate, vault)
    for kind, resource in hideable(estate, vault):
        hidden = snapshot_of(estate.hide(kind, resource), vault)
        for whole, part in zip(with_doors(seen), with_doors(hidden), strict=True):
            for caller in callers(seen):
                before, after = explain(whole, caller).verdict, explain(part, caller).verdict
                if after not in (before, Verdict.UNKNOWN):
                    yield f"without {kind} {resource}: {before} -> {after} for {caller}"


def unopened(estate: EstateCase, vault: ArmId) -> Iterator[str]:
    """Exact changes after which the same gate is still the first that fails."""
    for snapshot in with_doors(snapshot_of(estate, vault)):
        for caller in callers(snapshot):
            found = explain(snapshot, caller)
            for admission in found.admissions:
                if not admission.changes or found.failing is None:
                    continue
                changed = reduce(lambda before, change: change.simulate(before), admission.changes, snapshot)
                still = explain(changed, caller).failing
                if still is not None and still.name == found.failing.name:
                    yield f"{admission.what} does not open {still.name} for {caller}"


def test_hiding_a_part_of_a_focused_estate_gives_no_verdict() -> None:
    for estate in every_focused_estate():
        for vault in estate.vaults:
            assert list(contradictions(estate, vault)) == []


def test_the_exact_changes_open_the_gate_in_focused_estates() -> None:
    found = [estate for estate in every_focused_estate() for vault in estate.vaults if list(unopened(estate, vault))]
    assert found == []
    offered = [
        admission
        for estate in every_focused_estate()
        for vault in estate.vaults
        for caller in callers(snapshot_of(estate, vault))
        for admission in explain(snapshot_of(estate, vault), caller).admissions
        if admission.changes
    ]
    assert {type(change).__name__ for admission in offered for change in admission.changes} >= {
        "CreateLink",
        "CreateRecord",
        "SetNetworkAcl",
        "UpdateRecord",
    }


@given(estates())
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
def test_both_hold_for_generated_estates(estate: EstateCase) -> None:
    vault = sorted(estate.vaults)[0]
    assert list(contradictions(estate, vault)) == []
    assert list(unopened(estate, vault)) == []
