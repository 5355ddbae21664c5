"""How far a judgement reads: each part once, again where a part that came later shows more of it, never for ever."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.history import History
from shared.domain.network import Network, SecurityGroup, Subnet
from shared.domain.policy import Policy
from shared.domain.reading import Part, Unread, UnreadReason
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.snapshot import VaultSnapshot
from shared.service.judge import Judge, Judgement
from tests.builders import SUBSCRIPTION, healthy, network_id, subnet_id, vault_id

NEAR = network_id("vnet-1")
FAR = network_id("vnet-2")


def _group(network: ArmId) -> ArmId:
    return ArmId.of(SUBSCRIPTION, "rg-net", "Microsoft.Network/networkSecurityGroups", f"nsg-{network.name}")


def _with_group(network: ArmId) -> Network:
    subnet = Subnet(subnet_id(network.name), ("10.0.0.0/24",), security_group=_group(network))
    return Network(network, ("10.0.0.0/16",), subnets=(subnet,))


class _Forever:
    def remaining(self) -> float:
        return 1.0


@dataclass
class Layers:
    """Azure in layers: NETWORKS brings a network with a security group, FILTERS the groups of the networks known."""

    deepened: list[frozenset[Part]] = field(default_factory=list)
    brings: bool = True

    def read(
        self, vault: ArmId, *, deadline: object, parts: frozenset[Part] = frozenset(), fresh: bool = False
    ) -> VaultSnapshot:
        networks = MappingProxyType({NEAR: _with_group(NEAR)})
        return replace(healthy().snapshot, networks=networks, security_groups=MappingProxyType({}))

    def deepen(self, snapshot: VaultSnapshot, *, deadline: object, parts: frozenset[Part]) -> VaultSnapshot:
        self.deepened.append(parts)
        if not self.brings:
            return snapshot
        if Part.FILTERS in parts:
            groups = {_group(network): SecurityGroup(_group(network), ()) for network in snapshot.networks}
            snapshot = replace(snapshot, security_groups=MappingProxyType(groups))
        if Part.NETWORKS in parts:
            networks = MappingProxyType({**snapshot.networks, FAR: _with_group(FAR)})
            snapshot = replace(snapshot, networks=networks)
        return snapshot

    def remains(self, vault: ArmId, *, deadline: object) -> VaultSnapshot | None:
        return None

    def admit(self, vault: ArmId) -> None:
        return


def _filters(case: Case) -> Iterator[Violation | Unknown]:
    """Wants the groups of all networks; asks for the networks only once it knows the group of the first."""
    for network in (NEAR, FAR):
        known = case.snapshot.around(network)
        if isinstance(known, Unread):
            yield Unknown(network, known)
            return
        group = case.snapshot.security_group(_group(network))
        if isinstance(group, Unread):
            yield Unknown(network, group)
            return
    yield Violation(case.snapshot.vault.id, "all is known", {})


def _insatiable(case: Case) -> Iterator[Violation | Unknown]:
    for part in Part:
        yield Unknown(case.snapshot.vault.id, Unread(UnreadReason.DEFERRED, part.value, part))


def _rule(check: object) -> Rule:
    return Rule("KVG999", "test", "A test", Severity.LOW, Applicability.MANUAL, Mode.AUDIT, check)  # type: ignore[arg-type]  # given as a plain function


def _judge(estate: Layers, rule: Rule) -> Judgement:
    judged = Judge(estate, (rule,)).judge(vault_id(), Policy(), History(), _Forever())
    assert isinstance(judged, Judgement)
    return judged


def test_a_part_is_read_again_where_a_later_one_shows_more_of_it() -> None:
    estate = Layers()
    judged = _judge(estate, _rule(_filters))
    assert [each.message for each in judged.assessment.findings] == ["all is known"]
    assert estate.deepened == [{Part.FILTERS}, {Part.NETWORKS}, {Part.FILTERS}]
    assert judged.parts == {Part.FILTERS, Part.NETWORKS}


def test_a_part_that_stays_away_is_not_asked_for_again() -> None:
    estate = Layers(brings=False)
    judged = _judge(estate, _rule(_filters))
    assert estate.deepened == [{Part.FILTERS}]
    assert [each.unread.part for each in judged.assessment.not_evaluated] == [Part.FILTERS]


def test_what_never_comes_is_asked_for_once() -> None:
    estate = Layers(brings=False)
    _judge(estate, _rule(_insatiable))
    assert estate.deepened == [frozenset(Part)]


def test_a_part_is_asked_for_once_more_after_a_new_one_and_not_for_ever() -> None:
    estate = Layers(brings=False)
    rounds = iter((Part.FILTERS, Part.NETWORKS, *([Part.FILTERS] * 50)))

    def check(case: Case) -> Iterator[Violation | Unknown]:
        for part in (next(rounds),):
            yield Unknown(case.snapshot.vault.id, Unread(UnreadReason.DEFERRED, part.value, part))

    _judge(estate, _rule(check))
    assert estate.deepened == [{Part.FILTERS}, {Part.NETWORKS}, {Part.FILTERS}]


@pytest.mark.parametrize("order", [tuple(Part), tuple(reversed(Part))], ids=["forwards", "backwards"])
def test_rules_that_ask_in_turn_come_to_an_end(order: tuple[Part, ...]) -> None:
    """The rule asks for another part after each reading, whatever came, and never has enough."""
    estate = Layers(brings=False)
    rounds = iter(order * len(order) * 2)

    def fickle(case: Case) -> Iterator[Violation | Unknown]:
        part = next(rounds)
        yield Unknown(case.snapshot.vault.id, Unread(UnreadReason.DEFERRED, part.value, part))

    _judge(estate, _rule(fickle))
    assert len(order) <= len(estate.deepened) <= len(order) ** 2
