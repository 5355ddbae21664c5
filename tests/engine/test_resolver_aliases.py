"""CNAME records on the walk: followed as far as the zones that were read lead, and never guessed."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from shared.domain.answer import Answer, AnswerKind
from shared.domain.arm_id import ArmId
from shared.domain.reading import Part, Unread, UnreadReason
from shared.domain.zone import ResolutionPolicy
from shared.engine.resolver import ResolverSimulation
from tests.builders import (
    FORBIDDEN,
    PRIVATE_ZONE,
    Given,
    healthy,
    missing_record,
    neighbour,
    network_id,
    unlinked,
    zone_id,
)

LATER = Unread(UnreadReason.DEFERRED, "CNAME records", Part.CNAMES)
APEX = zone_id(f"contoso.{PRIVATE_ZONE}", "rg-apex")
PARENT = zone_id("vaultcore.azure.net", "rg-parent")
HOST = zone_id("vault.azure.net", "rg-host")
REDIRECT = ResolutionPolicy.NXDOMAIN_REDIRECT
ALIAS = "contoso.privatelink.vaultcore.azure.net"


def _alias(target: str, given: Given | None = None, zone: ArmId | None = None, name: str = "contoso") -> Given:
    """The healthy vault with a CNAME in place of its record."""
    base = given or missing_record()
    known = base.snapshot.zone(zone or zone_id())
    assert known is not None
    return base.zone(zone, cnames=MappingProxyType({**known.cnames, name: target}))


def _without_cnames(given: Given, why: Unread = LATER) -> Given:
    return given.at(
        replace(
            given.snapshot,
            zones=tuple(replace(z, cnames_complete=False, cnames_unread=why) for z in given.snapshot.zones),
        )
    )


def _unknown(given: Given) -> Answer:
    answer = given.answer()
    assert (answer.kind, answer.addresses) == (AnswerKind.UNKNOWN, ())
    return answer


@pytest.mark.parametrize("target", [f"web.{PRIVATE_ZONE}", f"WEB.{PRIVATE_ZONE.upper()}."])
def test_a_cname_is_followed_in_the_linked_zone_and_shows_in_the_chain(target: str) -> None:
    answer = _alias(target).record("10.1.0.4", name="web").answer()
    assert answer.addresses == ("10.1.0.4",)
    assert answer.zone == zone_id()
    assert answer.chain == (
        f"contoso.vault.azure.net is an alias for {ALIAS}.",
        f"{ALIAS} is an alias for web.{PRIVATE_ZONE}.",
        f"web.{PRIVATE_ZONE} has address 10.1.0.4",
    )


def test_a_cname_to_a_name_that_the_zone_lacks_is_nxdomain_of_that_name() -> None:
    answer = _alias(f"web.{PRIVATE_ZONE}").answer()
    assert answer.kind is AnswerKind.NXDOMAIN
    assert answer.chain[-1] == f"Host web.{PRIVATE_ZONE} not found: 3(NXDOMAIN)"


def test_a_cname_into_another_linked_zone_is_answered_there() -> None:
    given = _alias("web.vaultcore.azure.net").link(zone=PARENT).record("10.1.0.4", zone=PARENT, name="web")
    assert given.answer().addresses == ("10.1.0.4",)
    assert given.answer().zone == PARENT


@pytest.mark.parametrize("target", ["vaults.contoso.com", "data-prod-weu.vaultcore.azure.net", "other.vault.azure.net"])
def test_a_cname_that_leaves_the_zones_that_were_read_is_unknown_with_its_target(target: str) -> None:
    answer = _unknown(_alias(target))
    assert target in answer.reason
    assert answer.chain[-1] == f"{ALIAS} is an alias for {target}."
    assert answer.unread is None


def test_a_cname_into_a_zone_that_falls_back_is_unknown_where_the_zone_lacks_the_name() -> None:
    given = _alias(f"web.{PRIVATE_ZONE}", missing_record().link(resolution_policy=REDIRECT))
    assert f"web.{PRIVATE_ZONE}" in _unknown(given).reason


@pytest.mark.parametrize("target", ["contoso.vault.azure.net", ALIAS])
def test_aliases_in_a_circle_end(target: str) -> None:
    assert "lead back to" in _unknown(_alias(target)).reason


def test_a_long_circle_ends_too() -> None:
    given = missing_record()
    for number in range(40):
        given = _alias(f"n{(number + 1) % 40}.{PRIVATE_ZONE}", given, name=f"n{number}")
    assert "lead back to" in _unknown(_alias(f"n0.{PRIVATE_ZONE}", given)).reason


def test_a_cname_at_the_host_name_is_followed_before_the_public_alias() -> None:
    given = _alias(f"web.{PRIVATE_ZONE}", healthy().link(zone=HOST), HOST).record("10.1.0.77", name="web")
    assert given.answer().addresses == ("10.1.0.77",)
    back = _alias(ALIAS, healthy().link(zone=HOST), HOST)
    assert back.answer().addresses == ("10.1.0.4",)


def test_an_a_record_proves_that_there_is_no_cname() -> None:
    """A look at a healthy vault must not cost the call that reads CNAMEs."""
    answer = _without_cnames(healthy()).answer()
    assert answer.addresses == ("10.1.0.4",)
    assert _without_cnames(healthy().record()).answer().kind is AnswerKind.NXDOMAIN


@pytest.mark.parametrize("policy", [ResolutionPolicy.DEFAULT, REDIRECT])
@pytest.mark.parametrize("why", [LATER, FORBIDDEN])
def test_without_record_and_cname_the_answer_waits_for_the_cname(why: Unread, policy: ResolutionPolicy) -> None:
    answer = _unknown(_without_cnames(missing_record().link(resolution_policy=policy), why))
    assert answer.unread == answer.missing == why
    assert answer.summary == ("nxdomain or an alias" if why is LATER else "unknown")


def test_a_cname_is_not_asked_for_where_nobody_asks_for_the_name() -> None:
    assert _without_cnames(unlinked().no_record()).answer().kind is AnswerKind.PUBLIC
    assert _without_cnames(missing_record().no_connections()).answer().kind is AnswerKind.PUBLIC


def test_a_known_cname_needs_no_a_record_to_be_read() -> None:
    given = _alias(f"web.{PRIVATE_ZONE}", healthy().record_unread())
    known = given.snapshot.zones[0].with_record(
        "web", healthy().record("10.1.0.4").snapshot.zones[0].records["contoso"]
    )
    assert given.zone(records=known.records).answer().addresses == ("10.1.0.4",)


def test_a_wildcard_answers_for_names_without_a_record_set() -> None:
    given = missing_record().record("10.1.0.77", name="*")
    assert given.answer().addresses == ("10.1.0.77",)
    assert given.answer().chain[-1] == f"{ALIAS} has address 10.1.0.77"
    assert healthy().record("10.1.0.77", name="*").answer().addresses == ("10.1.0.4",)
    assert given.record().answer().kind is AnswerKind.NXDOMAIN
    assert healthy().link(zone=APEX).record("10.1.0.77", zone=APEX, name="*").answer().kind is AnswerKind.NXDOMAIN
    assert _alias("nowhere.contoso.com", given).answer().kind is AnswerKind.UNKNOWN


def test_a_link_harms_a_neighbour_that_may_have_an_alias_there_or_nothing() -> None:
    before = _without_cnames(unlinked().neighbours(neighbour("other")))
    found = ResolverSimulation().harms(before.snapshot, before.link().snapshot)
    assert not isinstance(found, Unread)
    assert [str(harm) for harm in found] == ["other in vnet-1: public -> nxdomain or an alias"]


def test_a_neighbour_whose_alias_leads_to_a_record_that_changes_is_seen() -> None:
    given = _alias(f"web.{PRIVATE_ZONE}", healthy().neighbours(neighbour("other")), name="other")
    before, after = given.record("10.1.0.9", name="web"), given.record("10.1.0.66", name="web")
    found = ResolverSimulation().harms(before.snapshot, after.snapshot)
    assert not isinstance(found, Unread)
    assert [str(harm) for harm in found] == ["other in vnet-1: 10.1.0.9 -> 10.1.0.66"]
    assert found[0].network == network_id()
