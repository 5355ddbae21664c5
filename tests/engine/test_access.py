"""The access explanation: the traps of the Guide, each as one caller at one vault."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.access import AccessExplanation, Admission, Caller, CallerKind, Door, Verdict
from shared.domain.change import CreateLink, CreateRecord, SetNetworkAcl, SetPublicAccess, UpdateRecord
from shared.domain.network import PeeringState, Subnet
from shared.domain.reading import Part
from shared.domain.vault import DefaultAction, NetworkAcl, PerimeterMode, PublicAccess
from shared.domain.zone import ResolutionPolicy
from shared.engine.access import explain
from tests.builders import FORBIDDEN, Given, healthy, network_id, peering, subnet_id, zone_id

OUTSIDE = Caller(CallerKind.INTERNET, "203.0.113.7")
INSIDE = Caller(CallerKind.NETWORK, network=network_id())
ELSEWHERE = Caller(CallerKind.NETWORK, network=network_id("vnet-9"))
PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
DENY, ALLOW = DefaultAction.DENY, DefaultAction.ALLOW


def service(name: str, **members: Any) -> Caller:
    return Caller(CallerKind.SERVICE, service=name, **members)


def opened(action: DefaultAction | None = None, bypass: str = "None", *rules: str, **more: Any) -> Given:
    """The healthy vault with public access on and this firewall."""
    acl = None if action is None else NetworkAcl(action, bypass, rules, **more)
    return healthy().vault(public_access=PublicAccess.ENABLED, acl=acl)


def closed(bypass: str = "None") -> Given:
    return healthy().vault(acl=NetworkAcl(DENY, bypass))


def asked(given: Given, caller: Caller) -> AccessExplanation:
    return explain(given.snapshot, caller)


def failing(given: Given, caller: Caller) -> tuple[str, str]:
    """Name and error of the gate that keeps the caller out."""
    found = asked(given, caller)
    assert found.verdict is FAIL, found.gates
    assert found.failing is not None
    after = found.gates[found.gates.index(found.failing) + 1 :]
    assert {gate.verdict for gate in after} == {Verdict.NOT_REACHED}
    return found.failing.name, found.failing.error


def first(given: Given, caller: Caller) -> Admission:
    """The first change that is proposed."""
    return asked(given, caller).admissions[0]


def reasons(given: Given, caller: Caller) -> str:
    return " ".join(gate.reason for gate in asked(given, caller).gates)


def unlinked_client(**changes: Any) -> Given:
    """The healthy vault with a client network that is peered with the endpoint's and not linked to the zone."""
    given = healthy().network("vnet-9", peerings=(peering("vnet-1"),), **changes)
    return given.network(peerings=(peering("vnet-9"),))


# -- over private link


def test_a_client_beside_the_endpoint_gets_in_whatever_the_firewall_says() -> None:
    found = asked(closed(), INSIDE)
    assert (found.verdict, found.door, found.admissions) == (PASS, Door.PRIVATE, ())
    assert [gate.name for gate in found.gates] == [
        "name resolution",
        "door",
        "public access",
        "firewall",
        "token",
        "permission",
    ]
    assert found.gates[4].verdict is Verdict.ASSUMED


def test_private_endpoint_present_and_yet_403_because_the_answer_is_public() -> None:
    given = unlinked_client()
    assert failing(given, ELSEWHERE) == ("public access", "403 Forbidden (ForbiddenByConnection)")
    admission = first(given, ELSEWHERE)
    assert admission.changes == (CreateLink(zone_id(), network_id("vnet-9")),)
    assert admission.then == "then the caller is in, over private link"
    assert "NXDOMAIN" in admission.also_admits
    by_firewall = given.vault(public_access=PublicAccess.ENABLED, acl=NetworkAcl(DENY, "None", ("198.51.100.0/24",)))
    caller = replace(ELSEWHERE, address="203.0.113.7")
    assert failing(by_firewall, caller) == ("firewall", "403 Forbidden (ForbiddenByFirewall)")


def test_the_link_goes_where_the_clients_dns_is_answered() -> None:
    given = unlinked_client(dns_servers=("10.8.0.4",)).network("vnet-8", peerings=(peering("vnet-9"),))
    given = given.network("vnet-9", peerings=(peering("vnet-1"), peering("vnet-8")))
    assert first(given, ELSEWHERE).changes == (CreateLink(zone_id(), network_id("vnet-8")),)


def test_a_second_endpoint_in_another_network_leads_to_an_address_out_of_reach() -> None:
    given = healthy().second_endpoint().network("vnet-2").link("vnet-2").record("10.2.0.4")
    assert failing(given, INSIDE) == ("door", "the connection times out")
    assert asked(given, replace(INSIDE, network=network_id("vnet-2"))).verdict is PASS
    (change,) = first(given, INSIDE).changes
    assert isinstance(change, UpdateRecord)
    assert change.addresses == ("10.1.0.4",)
    assert "vnet-2" in first(given, INSIDE).also_admits


def test_a_way_over_a_hub_or_a_gateway_is_not_known() -> None:
    base = healthy().network("vnet-9").link("vnet-9")
    assert failing(base, ELSEWHERE)[0] == "door"
    hub = base.network("vnet-9", peerings=(peering("vnet-hub"),))
    assert asked(hub, ELSEWHERE).verdict is UNKNOWN
    gateway = (Subnet(subnet_id("vnet-9", "GatewaySubnet"), ("10.9.1.0/27",)),)
    assert asked(base.network("vnet-9", subnets=gateway), ELSEWHERE).verdict is UNKNOWN
    cut = base.network("vnet-9", peerings=(peering("vnet-1", PeeringState.DISCONNECTED),))
    assert failing(cut, ELSEWHERE)[0] == "door"


def test_nxdomain_after_a_link_and_the_record_that_mends_it() -> None:
    given = healthy().no_record()
    assert failing(given, INSIDE) == ("name resolution", "the name is not found (NXDOMAIN)")
    admission = first(given, INSIDE)
    (change,) = admission.changes
    assert isinstance(change, CreateRecord)
    assert (change.name, change.addresses) == ("contoso", ("10.1.0.4",))
    assert admission.then == "then the caller is in, over private link"
    empty = healthy().record()
    assert isinstance(first(empty, INSIDE).changes[0], UpdateRecord)


def test_the_redirect_of_a_link_leads_to_the_public_endpoint() -> None:
    given = healthy().no_record().link(resolution_policy=ResolutionPolicy.NXDOMAIN_REDIRECT)
    assert failing(given, INSIDE)[0] == "public access"


def test_an_approved_connection_that_failed_carries_nothing() -> None:
    given = healthy().connection(state="Failed")
    assert failing(given, INSIDE) == ("door", "the connection times out")
    assert "Approved and Failed" in reasons(given, INSIDE)
    assert asked(healthy().connection(state="Updating"), INSIDE).verdict is UNKNOWN


def test_without_a_connection_the_name_is_public() -> None:
    given = healthy().no_connections()
    assert failing(given, INSIDE)[0] == "public access"
    assert "create a private endpoint" in first(given, INSIDE).what
    assert first(given, INSIDE).changes == ()


def test_a_network_with_a_zone_of_that_name_gets_no_second_one() -> None:
    other = zone_id(group="rg-aaa")
    given = unlinked_client().zone(other).link("vnet-9", other, resolution_policy=ResolutionPolicy.NXDOMAIN_REDIRECT)
    assert failing(given, ELSEWHERE)[0] == "public access"
    changes = [change for found in asked(given, ELSEWHERE).admissions for change in found.changes]
    assert not any(isinstance(change, CreateLink) for change in changes)


def test_a_change_that_does_not_open_the_gate_is_not_offered_as_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    useless = SetNetworkAcl(healthy().snapshot.vault.id, None, NetworkAcl(DENY, "None"))
    monkeypatch.setattr("shared.engine.access.admissions", lambda *_: (Admission("try it", "", (useless,)),))
    assert first(healthy(), OUTSIDE) == Admission("try it", "")


# -- over the public endpoint


@pytest.mark.parametrize(
    ("given", "gate"),
    [
        (closed(), "public access"),
        (closed("AzureServices"), "public access"),
        (opened(DENY), "firewall"),
        (opened(DENY, "AzureServices"), "firewall"),
        (opened(DENY, "None", "198.51.100.0/24"), "firewall"),
    ],
)
def test_somebody_on_the_internet_is_kept_out(given: Given, gate: str) -> None:
    error = "ForbiddenByConnection" if gate == "public access" else "ForbiddenByFirewall"
    assert failing(given, OUTSIDE) == (gate, f"403 Forbidden ({error})")


@pytest.mark.parametrize("given", [opened(), opened(ALLOW), opened(DENY, "None", "203.0.113.0/24")])
def test_somebody_on_the_internet_gets_in(given: Given) -> None:
    assert asked(given, OUTSIDE).verdict is PASS


def test_the_rule_that_would_admit_an_address_keeps_the_others() -> None:
    given = opened(DENY, "None", "198.51.100.0/24")
    (change,) = first(given, OUTSIDE).changes
    assert isinstance(change, SetNetworkAcl)
    assert change.after == NetworkAcl(DENY, "None", ("198.51.100.0/24", "203.0.113.7"))
    opening = first(healthy(), OUTSIDE).changes
    assert [type(step) for step in opening] == [SetNetworkAcl, SetPublicAccess]
    assert isinstance(opening[0], SetNetworkAcl)
    assert opening[0].after.default_action is DENY


def test_an_unknown_address_is_not_known_once_a_rule_names_one() -> None:
    nobody = replace(OUTSIDE, address="")
    assert asked(opened(DENY, "None", "198.51.100.0/24"), nobody).verdict is UNKNOWN
    assert failing(opened(DENY), nobody)[0] == "firewall"


def test_the_portal_comes_from_the_address_of_the_browser() -> None:
    browser = replace(OUTSIDE, kind=CallerKind.PORTAL)
    assert failing(opened(DENY, "AzureServices"), browser)[0] == "firewall"
    assert asked(opened(DENY, "None", "203.0.113.7/32"), browser).verdict is PASS
    assert "browser" in reasons(healthy(), browser)
    assert asked(healthy(), replace(INSIDE, kind=CallerKind.PORTAL)).verdict is PASS


def test_cloud_shell_is_in_no_network_unless_it_is_said() -> None:
    shell = Caller(CallerKind.CLOUD_SHELL)
    assert failing(closed("AzureServices"), shell)[0] == "public access"
    assert "virtual network" in first(closed(), shell).what
    assert asked(closed(), replace(shell, network=network_id())).verdict is PASS


def test_a_private_address_of_no_network_is_not_known() -> None:
    for given in (healthy(), opened()):
        assert asked(given, replace(OUTSIDE, address="10.20.0.5")).verdict is UNKNOWN
    assert asked(opened(DENY, "None", "172.32.0.0/16"), replace(OUTSIDE, address="172.32.0.1")).verdict is PASS


@pytest.mark.parametrize("mode", [PerimeterMode.ENFORCED, PerimeterMode.UNKNOWN])
def test_a_perimeter_that_may_decide_leaves_the_public_door_unknown(mode: PerimeterMode) -> None:
    for given in (closed(), opened(DENY), opened()):
        assert asked(given.vault(perimeters=(mode,)), OUTSIDE).verdict is UNKNOWN
        assert asked(given.vault(perimeters=FORBIDDEN), OUTSIDE).verdict is UNKNOWN
        assert asked(given.vault(perimeters=(mode,)), INSIDE).verdict is PASS
    assert asked(opened().vault(perimeters=(PerimeterMode.TRANSITION,)), OUTSIDE).verdict is PASS


def test_values_that_nobody_knows_are_never_a_verdict() -> None:
    assert asked(healthy().vault(public_access=PublicAccess.UNKNOWN), OUTSIDE).verdict is UNKNOWN
    assert asked(opened(DefaultAction.UNKNOWN), OUTSIDE).verdict is UNKNOWN
    assert asked(closed("Everything"), service("Azure Backup")).verdict is UNKNOWN


# -- services


def test_disabled_with_trusted_services_lets_a_trusted_one_in() -> None:
    assert asked(closed("AzureServices"), service("azure backup")).verdict is PASS
    assert asked(healthy(), service("Backup")).verdict is PASS
    assert asked(opened(DENY, "azureservices"), service("Azure Storage")).verdict is PASS
    assert failing(closed(), service("Azure Backup")) == ("public access", "403 Forbidden (ForbiddenByConnection)")
    (change,) = first(closed(), service("Azure Backup")).changes
    assert isinstance(change, SetNetworkAcl)
    assert change.after.bypass == "AzureServices"


def test_app_service_is_trusted_for_certificates_only() -> None:
    found = asked(closed("AzureServices"), service("App Service"))
    assert found.verdict is UNKNOWN
    assert "certificates only" in reasons(closed("AzureServices"), service("App Service"))
    assert failing(closed(), service("App Service"))[0] == "public access"


def test_azure_devops_is_known_not_to_be_trusted() -> None:
    pipeline = service("Azure DevOps")
    assert failing(closed("AzureServices"), pipeline)[0] == "public access"
    assert failing(opened(DENY, "AzureServices"), pipeline)[0] == "firewall"
    assert asked(opened(DENY, "AzureServices", "198.51.100.7"), pipeline).verdict is UNKNOWN
    named = replace(pipeline, address="198.51.100.7")
    assert asked(opened(DENY, "None", "198.51.100.7"), named).verdict is PASS
    assert failing(opened(DENY, "AzureServices", "203.0.113.9"), named)[0] == "firewall"


def test_a_service_that_is_not_listed_is_not_known() -> None:
    assert asked(closed("AzureServices"), service("Contoso Cloud")).verdict is UNKNOWN
    assert failing(closed(), service("Contoso Cloud"))[0] == "public access"


def test_a_service_in_a_network_comes_from_its_subnet() -> None:
    injected = service("Azure Databricks", network=network_id())
    assert asked(closed(), injected).verdict is PASS


# -- service endpoints


def with_service_endpoint(*rules: Any) -> Given:
    subnet = Subnet(subnet_id("vnet-9", "apps"), ("10.9.2.0/24",), frozenset({"microsoft.keyvault"}))
    plain = Subnet(subnet_id("vnet-9", "plain"), ("10.9.3.0/24",))
    return opened(DENY, "None", network_rules=rules).network("vnet-9", subnets=(subnet, plain))


def test_a_subnet_with_a_service_endpoint_needs_a_rule() -> None:
    apps = subnet_id("vnet-9", "apps")
    caller = replace(ELSEWHERE, subnet=apps)
    assert failing(with_service_endpoint(), caller)[0] == "firewall"
    rules = [step for found in asked(with_service_endpoint(), caller).admissions for step in found.changes]
    assert [step.after.network_rules for step in rules if isinstance(step, SetNetworkAcl)] == [(apps,)]
    assert asked(with_service_endpoint(apps), caller).verdict is PASS
    assert asked(with_service_endpoint(apps), replace(ELSEWHERE, address="10.9.2.8")).verdict is PASS
    assert asked(with_service_endpoint(apps), ELSEWHERE).verdict is UNKNOWN


def test_a_rule_for_a_subnet_without_a_service_endpoint_admits_nobody() -> None:
    plain = subnet_id("vnet-9", "plain")
    caller = replace(ELSEWHERE, subnet=plain)
    assert failing(with_service_endpoint(plain), caller)[0] == "firewall"
    assert any(
        "enable the service endpoint" in found.what for found in asked(with_service_endpoint(), caller).admissions
    )
    assert asked(with_service_endpoint(), replace(ELSEWHERE, subnet=subnet_id("vnet-9", "none"))).verdict is UNKNOWN


# -- what is not read


def test_a_zone_or_a_network_that_is_not_read_is_not_known() -> None:
    for given in (healthy().zones_unread(), healthy().network_unread(), healthy().links_unread()):
        assert asked(given, INSIDE).verdict is UNKNOWN
    assert asked(healthy().endpoint_unread(), INSIDE).verdict is UNKNOWN
    assert asked(healthy().record_unread(), INSIDE).verdict is UNKNOWN


def test_an_unknown_gate_names_the_part_to_read() -> None:
    deferred = Given(healthy().snapshot, healthy().policy).vault(
        perimeters=replace(FORBIDDEN, part=Part.PERIMETER), public_access=PublicAccess.ENABLED
    )
    parts = {gate.unread.part for gate in asked(deferred, OUTSIDE).gates if gate.unread is not None}
    assert parts == {Part.PERIMETER}
