"""Clouds as adapters meet them: discovery over verified TLS without a token, and one repair made in each cloud."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from azure.core.credentials import AccessToken, TokenCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.transport import RequestsTransport

from emulator.arm.service import RawRequest
from emulator.azure import LocalAzure
from shared.adapters.arm_client import ArmClient
from shared.adapters.arm_errors import ArmUndecodable
from shared.adapters.arm_estate import ArmEstate
from shared.adapters.arm_reader import ArmReader
from shared.adapters.arm_writer import ArmWriter
from shared.adapters.clouds import discover_cloud
from shared.adapters.credential import LazyLogin
from shared.domain.arm_id import ArmId
from shared.domain.clouds import AZURE_CLOUD, CLOUDS, Cloud, Service, endpoints
from shared.domain.grades import ClientRole, Writer
from shared.domain.history import History
from shared.domain.policy import Policy, ZonePolicy
from shared.domain.reading import Gone
from shared.rules.registry import RULES
from shared.service.judge import Judge
from shared.service.ports import EstateError, EstateUnavailable
from tests.adapters.arm.bench import GivenPolicy, HandClock, seconds
from tests.adapters.arm.raw_server import RawServer, answer
from tests.emulator.arm.estate import GROUP, VAULT, Estate, link_body
from tests.scenarios.azure import GUARD, SUBSCRIPTION, Azure, credential
from tests.scenarios.estate import DNS_GROUP
from tests.scenarios.estate import VAULT as SCENARIO_VAULT
from tests.scenarios.estate import Estate as ScenarioEstate


def test_the_local_azure_is_found_in_its_list(azure: LocalAzure) -> None:
    cloud = discover_cloud(f"{azure.url}/")
    assert (cloud.name, cloud.arm_endpoint) == ("LocalAzure", azure.url)
    assert (cloud.vault_suffix, cloud.private_zone) == ("vault.azure.net", "privatelink.vaultcore.azure.net")
    assert cloud.arm_scope == "https://management.core.windows.net//.default"
    assert cloud.authority == azure.url.removeprefix("https://")


def document(**changes: Any) -> dict[str, Any]:
    return {
        "authentication": {
            "loginEndpoint": "https://login.local.example/",
            "audiences": ["https://arm.local.example/1"],
        },
        "suffixes": {"keyVaultDns": ".vault.local.example"},
        **changes,
    }


def served(azure: LocalAzure, body: Any, status: str = "200 OK") -> RawServer:
    return RawServer(azure.ca_path.parent, lambda link: link.sendall(answer(json.dumps(body).encode(), status)))


def test_one_object_and_a_suffix_with_a_dot_are_understood(azure: LocalAzure) -> None:
    with served(azure, document()) as server:
        cloud = discover_cloud(server.url)
    assert (cloud.name, cloud.authority) == ("custom", "login.local.example")
    assert (cloud.vault_suffix, cloud.private_zone) == ("vault.local.example", "privatelink.vaultcore.local.example")
    assert cloud.arm_scope == "https://arm.local.example/1/.default"
    assert len(server.requests) == 1
    assert "authorization" not in server.requests[0].lower()


@pytest.mark.parametrize(
    ("changes", "graph"),
    [
        ({}, ()),
        ({"graph": "https://graph.windows.net/"}, ()),
        ({"microsoftGraphResourceId": None}, ()),
        ({"microsoftGraphResourceId": ""}, ()),
        ({"microsoftGraphResourceId": "https://graph.local.example/"}, ("graph.local.example",)),
    ],
    ids=["older", "azure ad graph", "null", "empty", "named"],
)
def test_graph_is_known_only_where_the_metadata_says_so(
    azure: LocalAzure, changes: dict[str, str | None], graph: tuple[str, ...]
) -> None:
    """``graph`` is Azure AD Graph, which was retired; a Graph that is not named is unknown, not the public cloud's."""
    with served(azure, document(**changes)) as server:
        cloud = discover_cloud(server.url)
    assert cloud.graph_hosts == graph
    listed = endpoints(cloud, ClientRole.MANAGEMENT, "contoso")
    assert {host.name for host in listed.of(Service.GRAPH)} == set(graph)
    assert (Service.GRAPH in listed.unknown) is (graph == ())
    assert Service.REVOCATION in listed.unknown


@pytest.mark.parametrize(
    "body",
    [
        [document(resourceManager="https://management.azure.com/")],
        [],
        document(suffixes=None),
        document(authentication={"loginEndpoint": "x", "audiences": []}),
        document(suffixes={"keyVaultDns": "secrets.local.example"}),
        "text",
    ],
    ids=["another cloud", "no cloud", "no suffix", "no audience", "odd suffix", "no document"],
)
def test_what_does_not_say_enough_is_an_error(azure: LocalAzure, body: Any) -> None:
    with served(azure, body) as server, pytest.raises(ArmUndecodable):
        discover_cloud(server.url)


def test_an_answer_that_is_an_error_is_an_error(azure: LocalAzure) -> None:
    with served(azure, {}, "403 Forbidden") as server, pytest.raises(EstateError):
        discover_cloud(server.url)


def test_only_verified_tls_will_do(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="https"):
        discover_cloud(azure.url.replace("https", "http"))
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(EstateUnavailable):
        discover_cloud(azure.url)


# -- one repair in each cloud: read, judged, written, read again

each_cloud = pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS)


@dataclass
class ScopedCredential:
    """A credential that remembers the scopes it was asked for."""

    inner: TokenCredential
    scopes: set[tuple[str, ...]] = field(default_factory=set)

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        self.scopes.add(scopes)
        return self.inner.get_token(*scopes, **options)


class _AzuresClock(HandClock):
    """The time of the local Azure; deadlines are real."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self.now = now  # type: ignore[method-assign]  # the local Azure's own method stands in for it


@dataclass(frozen=True)
class Guard:
    """kvguard in one cloud."""

    estate: ArmEstate
    policy: Policy

    @classmethod
    def of(cls, cloud: Cloud, who: TokenCredential, clock: HandClock, zone: str) -> Guard:
        policy = Policy(
            zones=(ZonePolicy(ArmId.parse(zone), Writer.KVGUARD),), watched_subscriptions=frozenset({SUBSCRIPTION})
        )
        client = ArmClient(cloud, who, clock, sleep=lambda _: None)
        reader = ArmReader(client, cloud, GivenPolicy(policy), policy.watched_subscriptions, clock)
        return cls(ArmEstate(reader, ArmWriter(who, cloud, clock)), policy)

    def mend(self, vault: str) -> list[str]:
        """Judge a vault and make what kvguard would by itself, until nothing is left. The ids written, in order."""
        judge, written = Judge(self.estate, RULES), list[str]()
        for number in range(4):
            snapshot = self.estate.read(ArmId.parse(vault), deadline=seconds(20.0), fresh=True)
            assert not isinstance(snapshot, Gone)
            known = judge.again(replace(snapshot, history=History()), self.policy, frozenset(), seconds(20.0))
            if not known.plan.apply:
                return written
            change = known.plan.apply[0].change
            outcome = self.estate.apply(change, f"{number:032x}", deadline=seconds(20.0))
            assert outcome.changed, outcome
            written.append(change.target.text)
        raise AssertionError(f"no end: {written}")


@each_cloud
def test_a_repair_in_each_cloud_asks_its_own_resource_manager_for_its_own_zone(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure = Azure()
    azure.service.world.switches.key_vault_dns_suffix = cloud.vault_suffix
    estate, origins = ScenarioEstate(azure), set[str]()
    zone = f"{DNS_GROUP}/providers/Microsoft.Network/privateDnsZones/{cloud.private_zone}"
    estate.vault()
    estate.network()
    estate.endpoint()
    estate.zone(zone)
    handle = azure.service.handle

    def noted(raw: RawRequest, *rest: Any) -> Any:
        origins.add(raw.origin)
        return handle(raw, *rest)

    monkeypatch.setattr(azure.service, "handle", noted)
    who = ScopedCredential(credential(GUARD))
    with azure.connected():
        written = Guard.of(cloud, who, _AzuresClock(azure.clock.now), zone).mend(SCENARIO_VAULT)
    assert [path.rpartition("/providers/")[2].split("/")[1:3] for path in written] == [
        ["privateDnsZones", cloud.private_zone]
    ] * 2
    azure.settle()
    (record,) = [body for key, body in azure.bodies().items() if key.endswith("/a/kv-orders")]
    assert record["properties"]["fqdn"] == f"kv-orders.{cloud.private_zone}."
    assert [row["ipv4Address"] for row in record["properties"]["aRecords"]] == [estate.address()]
    assert any("/virtualnetworklinks/" in key for key in azure.bodies())
    assert origins == {cloud.arm_endpoint}
    assert who.scopes == {(cloud.arm_scope,)}


@each_cloud
def test_a_discovered_cloud_with_those_names_is_mended_as_well(azure: LocalAzure, cloud: Cloud) -> None:
    azure.service.world.switches.key_vault_dns_suffix = cloud.vault_suffix
    estate = Estate(azure)
    estate.endpoint()
    zone = f"{GROUP}/providers/Microsoft.Network/privateDnsZones/{cloud.private_zone}"
    estate.put(zone, {"location": "global"})
    estate.put(f"{zone}/virtualNetworkLinks/Link-Spoke", link_body())
    found = discover_cloud(azure.url)
    assert (found.vault_suffix, found.private_zone) == (cloud.vault_suffix, cloud.private_zone)
    who = ScopedCredential(azure.credential(GUARD))
    written = Guard.of(found, who, HandClock(), zone).mend(VAULT)
    assert [path.casefold() for path in written] == [f"{zone}/A/kv-orders".casefold()]
    record = azure.seed("GET", f"{zone}/A/kv-orders").body
    assert record["properties"]["fqdn"] == f"kv-orders.{cloud.private_zone}."
    assert who.scopes == {(found.arm_scope,)}


# -- where people at a terminal sign in


@each_cloud
def test_the_login_is_asked_of_the_clouds_own_authority(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _asked(monkeypatch, LazyLogin(cloud.authority), cloud) == {cloud.authority}


def test_without_a_cloud_the_login_is_the_public_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _asked(monkeypatch, LazyLogin(), AZURE_CLOUD) == {AZURE_CLOUD.authority}


def test_an_authority_that_only_its_cloud_knows_is_not_looked_up_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    login = LazyLogin("adfs.stack.example:8443", announced=True)
    assert _asked(monkeypatch, login, AZURE_CLOUD) == {"adfs.stack.example:8443"}


def _asked(monkeypatch: pytest.MonkeyPatch, login: LazyLogin, cloud: Cloud) -> set[str]:
    """The hosts that a login with a client secret from the environment turns to. None of them answers."""
    hosts: set[str] = set()

    def refuse(_: object, request: Any, **__: Any) -> Any:
        hosts.add(urlsplit(request.url).netloc)
        raise OSError("no network here")

    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "AZURE_AUTHORITY_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    monkeypatch.setenv("AZURE_TENANT_ID", "7f0c6f5e-8f8a-4b7d-9f5e-2a1d6c3b4e10")
    monkeypatch.setenv("AZURE_CLIENT_ID", "00000000-0000-0000-0000-0000000000c1")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "not-a-secret")
    monkeypatch.setattr(RequestsTransport, "send", refuse)
    with pytest.raises((ClientAuthenticationError, OSError)):
        login.get_token(cloud.arm_scope)
    return hosts
