"""Questions about a vault: what is read for them, and where kvguard looks for somebody else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest

from shared.domain.access import Caller, CallerKind, Verdict
from shared.domain.arm_id import NETWORK, ArmId
from shared.domain.grades import Writer
from shared.domain.policy import ClientNetwork, Policy, ZonePolicy
from shared.domain.reading import Gone, Part, Unread, UnreadReason
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault import PublicAccess
from shared.rules.registry import RULES
from shared.service.explain import Explainer, NoSuchNetwork
from shared.service.ports import Deadline
from shared.service.question import MOST_NETWORKS
from tests.builders import FOREIGN, SUBSCRIPTION, Given, healthy, network_id, vault_id, zone_id
from tests.service.world import FakeDeadline, FakePolicies

ELSEWHERE = ArmId.of(FOREIGN, "rg-net", NETWORK, "vnet-far")
PERIMETER = Unread(UnreadReason.DEFERRED, "perimeters", Part.PERIMETER)
ROLES = Unread(UnreadReason.DEFERRED, "role assignments", Part.ROLES)
OUTSIDE = Caller(CallerKind.INTERNET, "203.0.113.7")


@dataclass
class Azure:
    """What there is, read as deep as is asked for; ``deeper`` and ``networks`` are what was asked."""

    truth: VaultSnapshot
    deeper: list[frozenset[Part]] = field(default_factory=list)
    networks: list[ArmId] = field(default_factory=list)

    def spare(self, vault: ArmId) -> None:
        """There is always room."""

    def read(
        self, vault: ArmId, *, deadline: Deadline, parts: frozenset[Part] = frozenset(), fresh: bool = False
    ) -> VaultSnapshot | Gone:
        if vault != self.truth.vault.id:
            return Gone()
        homes = {end.network for _, end in self.truth.private_ends() if not isinstance(end, Unread)}
        known = {network: found for network, found in self.truth.networks.items() if network in homes}
        unread = replace(self.truth.vault, perimeters=PERIMETER, roles=ROLES)
        return replace(self.truth, vault=unread, networks=known)

    def deepen(self, snapshot: VaultSnapshot, *, deadline: Deadline, parts: frozenset[Part]) -> VaultSnapshot:
        self.deeper.append(parts)
        vault = snapshot.vault
        if Part.PERIMETER in parts:
            vault = replace(vault, perimeters=self.truth.vault.perimeters)
        if Part.ROLES in parts:
            vault = replace(vault, roles=self.truth.vault.roles)
        return replace(snapshot, vault=vault)

    def with_networks(self, snapshot: VaultSnapshot, networks: Iterable[ArmId], *, deadline: Deadline) -> VaultSnapshot:
        wanted = tuple(networks)
        self.networks += wanted
        found = {network: self.truth.networks.get(network, Gone()) for network in wanted}
        return replace(snapshot, networks={**snapshot.networks, **found})


def asking(given: Given, *, everywhere: bool = False) -> tuple[Azure, Explainer]:
    azure = Azure(given.snapshot)
    watched = None if everywhere else frozenset({SUBSCRIPTION})
    return azure, Explainer(azure, FakePolicies(given.policy), RULES, watched)


def verdict(explainer: Explainer, caller: Caller) -> Verdict:
    found = explainer.explain(vault_id(), caller, FakeDeadline(12.0))
    assert not isinstance(found, Gone)
    return found.explanation.verdict


def test_only_the_part_that_decides_is_read() -> None:
    azure, explainer = asking(healthy())
    assert verdict(explainer, Caller(CallerKind.NETWORK, network=network_id())) is Verdict.PASS
    assert azure.deeper == []
    assert verdict(explainer, OUTSIDE) is Verdict.FAIL
    assert azure.deeper == [frozenset({Part.PERIMETER})]


def test_roles_are_read_when_a_principal_asks_and_gets_that_far() -> None:
    who = replace(OUTSIDE, principal="aaaaaaaa-0000-0000-0000-000000000001", operation="secrets/get")
    azure, explainer = asking(healthy().vault(public_access=PublicAccess.ENABLED))
    assert verdict(explainer, who) is Verdict.FAIL
    assert frozenset[Part]().union(*azure.deeper) == {Part.PERIMETER, Part.ROLES}


@pytest.mark.parametrize("policy", ["none", "client", "zone", "zone subscription"])
def test_networks_are_read_only_where_kvguard_may_look(policy: str) -> None:
    given = healthy()
    known: dict[str, Policy] = {
        "none": given.policy,
        "client": replace(given.policy, client_networks=(ClientNetwork(ELSEWHERE),)),
        "zone": replace(given.policy, zones=(ZonePolicy(replace_subscription(zone_id()), Writer.OTHER),)),
        "zone subscription": replace(given.policy, zone_subscriptions=(FOREIGN.upper(),)),
    }
    azure, explainer = asking(replace(given, policy=known[policy]))
    # It is not there, so the answer is the same; what differs is whether Azure is asked.
    with pytest.raises(NoSuchNetwork):
        explainer.explain(vault_id(), Caller(CallerKind.NETWORK, network=ELSEWHERE), FakeDeadline(12.0))
    with pytest.raises(NoSuchNetwork):
        explainer.resolve(vault_id(), (ELSEWHERE,), FakeDeadline(12.0))
    assert azure.networks == ([] if policy == "none" else [ELSEWHERE, ELSEWHERE])


def replace_subscription(resource: ArmId) -> ArmId:
    return ArmId.parse(resource.text.replace(SUBSCRIPTION, FOREIGN))


def test_a_person_looks_with_rights_of_his_own() -> None:
    azure, explainer = asking(healthy(), everywhere=True)
    with pytest.raises(NoSuchNetwork):
        explainer.resolve(vault_id(), (ELSEWHERE,), FakeDeadline(12.0))
    assert azure.networks == [ELSEWHERE]


def test_all_networks_that_matter_are_looked_at_up_to_a_limit() -> None:
    given = healthy()
    for number in range(10, 40):
        given = given.network(f"vnet-{number}").link(f"vnet-{number}")
    azure, explainer = asking(given)
    found = explainer.resolve(vault_id(), (), FakeDeadline(12.0))
    assert not isinstance(found, Gone)
    assert (len(found.resolutions), len(found.left_out)) == (MOST_NETWORKS, 31 - MOST_NETWORKS)
    assert found.resolutions[0].network == network_id()
    assert len(azure.networks) == MOST_NETWORKS


def test_a_linked_network_elsewhere_is_not_read_and_not_known() -> None:
    given = healthy()
    (zone,) = given.snapshot.zones
    assert not isinstance(zone.links, Unread)
    far = replace(zone.links[0], network=ELSEWHERE)
    azure, explainer = asking(given.zone(links=(*zone.links, far)))
    found = explainer.resolve(vault_id(), (), FakeDeadline(12.0))
    assert not isinstance(found, Gone)
    assert [(entry.network, entry.agrees) for entry in found.resolutions] == [(network_id(), True), (ELSEWHERE, None)]
    assert ELSEWHERE not in azure.networks


def test_a_vault_that_is_gone_is_gone() -> None:
    _, explainer = asking(healthy())
    assert isinstance(explainer.explain(vault_id("nothing"), OUTSIDE, FakeDeadline(12.0)), Gone)
    assert isinstance(explainer.resolve(vault_id("nothing"), (), FakeDeadline(12.0)), Gone)


def test_rules_that_are_not_evaluated_say_why() -> None:
    _, explainer = asking(healthy().vault(diagnostics=Unread(UnreadReason.FORBIDDEN, "Microsoft.Insights/some/read")))
    found = explainer.explain(vault_id(), OUTSIDE, FakeDeadline(12.0))
    assert not isinstance(found, Gone)
    assert {entry.unread.detail for entry in found.not_known if entry.rule == "KVG604"} == {
        "Microsoft.Insights/some/read"
    }
