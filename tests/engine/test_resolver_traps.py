"""The traps of split-horizon DNS that people know from incidents, each as one estate: what is answered and done."""

from __future__ import annotations

from shared.domain.answer import AnswerKind
from shared.domain.change import ApproveConnection, CreateRecord
from shared.domain.grades import Applicability, Writer
from shared.domain.network import ForwardingRule
from shared.domain.plan import ChangePlan
from shared.domain.reading import Unread
from shared.domain.vault import ConnectionStatus
from shared.domain.zone import ResolutionPolicy
from shared.engine.resolver import ResolverSimulation
from shared.rules.kvg401_zone_missing import RULE as ZONE_MISSING
from shared.rules.kvg402_misnamed_zone import RULE as MISNAMED_ZONE
from shared.rules.kvg403_network_not_linked import RULE as NOT_LINKED
from shared.rules.kvg407_rogue_zone import RULE as ROGUE_ZONE
from shared.rules.kvg411_missing_a_record import RULE as MISSING_RECORD
from tests.builders import (
    FORBIDDEN,
    PRIVATE_ZONE,
    Given,
    healthy,
    missing_record,
    neighbour,
    network_id,
    peering,
    unlinked,
    zone_id,
)

SECOND = zone_id(group="rg-dns-2")
APEX = zone_id(f"contoso.{PRIVATE_ZONE}", "rg-apex")
HUB = zone_id(group="rg-hub")
DNS_RULES = (ZONE_MISSING, MISNAMED_ZONE, NOT_LINKED, ROGUE_ZONE, MISSING_RECORD)


def _found(given: Given) -> set[tuple[str, str]]:
    return {(finding.rule, finding.subject.name) for finding in given.assess(DNS_RULES).findings}


def _verbs(plan: ChangePlan) -> list[str]:
    return [step.change.verb for step in plan.apply]


def test_two_networks_with_own_endpoints_and_one_zone_each_get_the_others_address() -> None:
    """One zone can hold one answer. Without peering, the second network gets an address that it cannot reach."""
    given = healthy().second_endpoint().network("vnet-2").link("vnet-2")
    assert given.answer("vnet-1").addresses == given.answer("vnet-2").addresses == ("10.1.0.4",)
    assert given.plan(DNS_RULES).apply == ()
    both = given.record("10.1.0.4", "10.2.0.4")
    found = ResolverSimulation().harms(given.snapshot, both.snapshot)
    assert not isinstance(found, Unread)
    assert [str(harm) for harm in found] == ["contoso in vnet-1: 10.1.0.4 -> 10.1.0.4, 10.2.0.4"]


def test_two_networks_with_a_zone_each_get_their_own_address() -> None:
    given = healthy().second_endpoint().network("vnet-2").link("vnet-2", SECOND).record("10.2.0.4", zone=SECOND)
    given = given.writer(Writer.KVGUARD, networks=(network_id(),))
    given = given.writer(Writer.KVGUARD, SECOND, networks=(network_id("vnet-2"),))
    assert given.answer("vnet-1").addresses == ("10.1.0.4",)
    assert given.answer("vnet-2").addresses == ("10.2.0.4",)
    assert _found(given) == set()


def test_a_readable_hub_zone_in_another_subscription_is_the_one_that_serves() -> None:
    given = healthy().no_zone().writer(None).writer(Writer.KVGUARD, HUB)
    given = given.zone(HUB).record("10.1.0.4", zone=HUB)
    assert _found(given) == {("KVG403", "vnet-1")}
    assert _verbs(given.plan(DNS_RULES)) == ["create-link"]


def test_a_hub_zone_that_nobody_could_read_is_neither_missing_nor_replaced() -> None:
    given = healthy().no_zone().writer(None).writer(Writer.KVGUARD, HUB).zones_unread()
    assessment = given.assess(DNS_RULES)
    assert assessment.findings == ()
    assert {entry.rule for entry in assessment.not_evaluated} >= {"KVG401", "KVG403", "KVG411"}
    assert given.answer().kind is AnswerKind.UNKNOWN
    assert given.plan(DNS_RULES) == ChangePlan()


def _spokes() -> Given:
    """Spokes ``vnet-1`` (endpoint) and ``vnet-3`` ask the resolver 10.2.0.10 in hub ``vnet-2``."""
    hub = healthy().no_links().network("vnet-2", peerings=(peering("vnet-1"), peering("vnet-3")))
    for spoke in ("vnet-1", "vnet-3"):
        hub = hub.network(spoke, dns_servers=("10.2.0.10",), peerings=(peering("vnet-2"),))
    return hub


def test_spokes_with_custom_dns_to_a_hub_resolver_get_the_hubs_view() -> None:
    linked = _spokes().link("vnet-2")
    assert linked.answer("vnet-1").addresses == linked.answer("vnet-3").addresses == ("10.1.0.4",)
    assert _found(linked) == set()
    spokes_only = _spokes().link("vnet-1").link("vnet-3")
    assert spokes_only.answer("vnet-1").kind is AnswerKind.PUBLIC
    assert _found(spokes_only) == {("KVG403", "vnet-2")}


def test_linking_the_hub_is_a_question_because_all_its_spokes_ask_it() -> None:
    given = _spokes().neighbours(neighbour("other"))
    option = given.option(NOT_LINKED)
    assert option.applicability is Applicability.APPROVAL
    whys = " ".join(blocker.why for blocker in option.blockers)
    assert "custom DNS servers" in whys
    for network in ("vnet-1", "vnet-2", "vnet-3"):
        assert f"other in {network}: public -> nxdomain" in whys


def test_a_peered_network_without_link_resolves_publicly_and_is_not_this_familys_finding() -> None:
    given = healthy().network(peerings=(peering("vnet-2"),)).network("vnet-2", peerings=(peering("vnet-1"),))
    assert given.answer("vnet-2").kind is AnswerKind.PUBLIC
    assert _found(given) == set()


def test_an_empty_record_set_is_a_missing_record_and_is_filled() -> None:
    given = healthy().record()
    assert given.answer().kind is AnswerKind.NXDOMAIN
    assert _found(given) == {("KVG411", "contoso")}
    assert _verbs(given.plan(DNS_RULES)) == ["update-record"]


def test_the_zone_privatelink_vault_azure_net_is_never_asked() -> None:
    wrong = zone_id("privatelink.vault.azure.net", "rg-wrong")
    given = healthy().no_zone().link(zone=wrong).record("10.1.0.4", zone=wrong)
    assert given.answer().kind is AnswerKind.PUBLIC
    assert given.answer().chain[0].endswith("is an alias for contoso.privatelink.vaultcore.azure.net.")


def test_a_zone_of_the_vaults_own_name_answers_with_its_at_record_before_the_shared_zone() -> None:
    given = healthy().record("10.9.9.9").link(zone=APEX).record("10.1.0.4", zone=APEX, name="@")
    assert given.answer().addresses == ("10.1.0.4",)
    assert given.answer().zone == APEX
    assert _found(given) == set()


def test_a_zone_of_the_vaults_own_name_without_its_at_record_hides_the_right_one() -> None:
    given = healthy().link(zone=APEX).writer(Writer.KVGUARD, APEX)
    assert given.answer().kind is AnswerKind.NXDOMAIN
    option = given.option(MISSING_RECORD)
    assert option.change == CreateRecord(APEX, "@", ("10.1.0.4",), 60)
    assert option.applicability is Applicability.APPROVAL
    after = given.at(option.change.simulate(given.snapshot))
    assert after.answer().addresses == ("10.1.0.4",)
    assert _found(after) == set()


def test_a_link_gives_nxdomain_for_a_foreign_vault_unless_it_falls_back() -> None:
    """Somebody else's vault with a private endpoint elsewhere: public before the link, gone after it."""
    foreign = neighbour("partner", address="172.16.9.4", network="vnet-77")
    given = unlinked().neighbours(foreign)
    assert isinstance(given.snapshot.neighbours, tuple)
    vault = given.snapshot.neighbours[0].vault
    simulation = ResolverSimulation()
    assert simulation.view(given.snapshot, network_id(), vault).kind is AnswerKind.PUBLIC
    assert simulation.view(given.link().snapshot, network_id(), vault).kind is AnswerKind.NXDOMAIN
    redirect = given.link(resolution_policy=ResolutionPolicy.NXDOMAIN_REDIRECT)
    assert simulation.view(redirect.snapshot, network_id(), vault).kind is AnswerKind.PUBLIC
    assert given.option(NOT_LINKED).applicability is Applicability.APPROVAL
    assert "would break partner in vnet-1: public -> nxdomain" in given.option(NOT_LINKED).blockers[0].why


def test_the_first_approval_gives_the_alias_and_breaks_every_linked_network_without_the_record() -> None:
    given = missing_record().link("vnet-5").network("vnet-5").connection(status=ConnectionStatus.PENDING)
    change = ApproveConnection(given.snapshot.vault.connections[0])
    found = ResolverSimulation().harms(given.snapshot, change.simulate(given.snapshot))
    assert not isinstance(found, Unread)
    assert [str(harm) for harm in found] == [
        "contoso in vnet-1: public -> nxdomain",
        "contoso in vnet-5: public -> nxdomain",
    ]
    ready = given.record("10.1.0.4")
    only_far = ResolverSimulation().harms(ready.snapshot, change.simulate(ready.snapshot))
    assert not isinstance(only_far, Unread)
    assert [str(harm) for harm in only_far] == ["contoso in vnet-5: public -> 10.1.0.4"]


def test_a_second_approval_changes_no_name() -> None:
    given = healthy().second_endpoint().network("vnet-2").connection("c-2", ConnectionStatus.PENDING)
    change = ApproveConnection(given.snapshot.vault.connections[1])
    assert ResolverSimulation().harms(given.snapshot, change.simulate(given.snapshot)) == ()


def test_a_ruleset_of_the_hub_takes_a_linked_spoke_past_its_zone() -> None:
    rule = ForwardingRule(".", ("10.2.0.10",))
    given = healthy().network(peerings=(peering("vnet-2"),), forwarding=(rule,))
    given = given.network("vnet-2", peerings=(peering("vnet-1"),))
    assert given.answer().kind is AnswerKind.PUBLIC
    assert _found(given) == {("KVG403", "vnet-2")}


def test_one_unread_zone_makes_a_public_answer_unknown_and_leaves_a_private_one() -> None:
    assert unlinked().zones_unread().answer().missing is FORBIDDEN
    assert healthy().zones_unread().answer().addresses == ("10.1.0.4",)
