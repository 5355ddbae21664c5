"""A policy file is used as a whole or not at all, and what is wrong with it is said all at once, with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import yaml
from azure.storage.blob import BlobServiceClient

from emulator.azurite import Azurite
from shared.adapters.blobs import BlobStore
from shared.adapters.policy_document import PolicyDocument
from shared.adapters.policy_file import PolicyFile
from shared.adapters.policy_yaml import MOST_BYTES
from shared.adapters.storage_connection import StorageConnection
from shared.domain.arm_id import ArmId
from shared.domain.clouds import AZURE_CHINA_CLOUD, AZURE_CLOUD, Cloud
from shared.domain.grades import (
    Applicability,
    ClientRole,
    DnsMode,
    Mode,
    Profile,
    Severity,
    TrustedServices,
    Writer,
)
from shared.domain.policy import ClientNetwork, Exemption, IpRanges, Policy, Timing, TtlBounds, ZonePolicy
from shared.domain.rule import Rule
from shared.domain.zone import ResolutionPolicy
from shared.rules.registry import RULES
from shared.service.ports import Deadline

SUBSCRIPTION = "11111111-2222-4333-8444-555555555555"
OTHER = "66666666-7777-4888-9999-aaaaaaaaaaaa"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-dns"
ZONE = f"{GROUP}/providers/Microsoft.Network/privateDnsZones/privatelink.vaultcore.azure.net"
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-hub"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-orders"
NOWHERE = BlobStore(StorageConnection("KvGuardStorage", connection_string="AccountName=a;AccountKey=a2V5"))


def rule(rule_id: str, ceiling: Applicability) -> Rule:
    return Rule(rule_id, "name", "Title.", Severity.LOW, ceiling, Mode.AUDIT, lambda _: ())


SAMPLES = (
    rule("KVG411", Applicability.SAFE),
    rule("KVG101", Applicability.APPROVAL),
    rule("KVG904", Applicability.MANUAL),
)

FULL = f"""
version: 1
rules:
  KVG411: fix
  KVG101: off
  KVG904: audit
scopes:
  - {{scope: {GROUP}/, rules: {{KVG411: off, KVG101: approve}}}}
zones:
  - id: {ZONE}
    writer: kvguard
    networks: [{NETWORK}]
    link_resolution_policy: NxDomainRedirect
zone_subscriptions: {{ids: [{OTHER.upper()}, {OTHER}], complete: true}}
profiles:
  default: hybrid
  scopes:
    - {{scope: /subscriptions/{SUBSCRIPTION}/, profile: partner}}
    - {{scope: {GROUP}, profile: public}}
    - {{scope: {VAULT}, profile: private}}
  by_tag:
    - {{scope: /subscriptions/{SUBSCRIPTION}, allowed: [hybrid, saas-pipeline]}}
    - {{scope: {GROUP}, allowed: []}}
ttl: {{minimum: 30, maximum: 300, default: 30}}
timing:
  settle_seconds: 1
  max_settle_seconds: 2
  controller_grace_seconds: 3
  consistency_seconds: 4
  dead_connection_age_seconds: 5
  pending_connection_age_seconds: 6
connections: {{allowed_subscriptions: [{OTHER}], managed_service_subscriptions: [{SUBSCRIPTION.upper()}]}}
pipeline_ranges: [20.37.158.0/23, 198.51.100.7]
ip_rules: {{widest: 28, allowed: [20.0.0.0/8], forbidden: [203.0.113.0/24]}}
trusted_services: forbid
client_networks:
  - {{id: {NETWORK}}}
  - {{id: {NETWORK}2, role: both}}
dns_mode: external
access: {{forbidden_principals: [{OTHER.upper()}]}}
budgets: {{writes_per_hour: 0}}
exemptions:
  - {{rule: KVG101, scope: {VAULT}/, reason: " moving ", owner: team-a, expires: 2027-03-31}}
  - {{rule: KVG411, scope: {ZONE}, reason: r, owner: o, expires: 2026-12-24T23:00:00+02:00}}
reviewers: [" kv-reviewers ", dana@contoso.com]
"""


class HandClock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 21, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def deadline(self, seconds: float) -> Deadline:
        raise AssertionError(f"no deadline of {seconds} s is needed here")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def source(path: Path | str, clock: HandClock, cloud: Cloud = AZURE_CLOUD, blobs: BlobStore = NOWHERE) -> PolicyFile:
    return PolicyFile(str(path), cloud, {SUBSCRIPTION.upper()}, SAMPLES, blobs, clock)


def loaded(tmp_path: Path, text: str, cloud: Cloud = AZURE_CLOUD) -> Policy:
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return source(path, HandClock(), cloud).policy()


def test_a_full_policy_means_what_it_says(tmp_path: Path) -> None:
    seconds = [timedelta(seconds=number) for number in range(1, 7)]

    policy = loaded(tmp_path, FULL)

    zone = ZonePolicy(ArmId.parse(ZONE), Writer.KVGUARD, (ArmId.parse(NETWORK),), ResolutionPolicy.NXDOMAIN_REDIRECT)
    assert policy == Policy(
        modes={"KVG411": Mode.FIX, "KVG101": Mode.OFF, "KVG904": Mode.AUDIT},
        zones=(zone,),
        zone_subscriptions=(OTHER,),
        zone_subscriptions_complete=True,
        default_profile=Profile.HYBRID,
        profiles=(
            (f"/subscriptions/{SUBSCRIPTION}", Profile.PARTNER),
            (GROUP, Profile.PUBLIC),
            (VAULT, Profile.PRIVATE),
        ),
        ttl=TtlBounds(30, 300, 30),
        timing=replace(Timing(), **dict(zip(list(Timing.__dataclass_fields__)[:6], seconds, strict=True))),
        allowed_connection_subscriptions=frozenset({OTHER}),
        watched_subscriptions=frozenset({SUBSCRIPTION}),
        pipeline_ranges=("20.37.158.0/23", "198.51.100.7/32"),
        writes_per_hour=0,
        scoped_modes=((GROUP, {"KVG411": Mode.OFF, "KVG101": Mode.APPROVE}),),
        tag_profiles=(
            (f"/subscriptions/{SUBSCRIPTION}", frozenset({Profile.HYBRID, Profile.SAAS_PIPELINE})),
            (GROUP, frozenset()),
        ),
        ip_ranges=IpRanges(28, ("20.0.0.0/8",), ("203.0.113.0/24",)),
        trusted_services=TrustedServices.FORBID,
        client_networks=(
            ClientNetwork(ArmId.parse(NETWORK), ClientRole.DATA),
            ClientNetwork(ArmId.parse(f"{NETWORK}2"), ClientRole.BOTH),
        ),
        dns_mode=DnsMode.EXTERNAL,
        managed_service_subscriptions=frozenset({SUBSCRIPTION}),
        forbidden_principals=frozenset({OTHER}),
        exemptions=(
            Exemption("KVG101", VAULT, "moving", "team-a", datetime(2027, 3, 31, tzinfo=UTC)),
            Exemption("KVG411", ZONE, "r", "o", datetime(2026, 12, 24, 21, tzinfo=UTC)),
        ),
        reviewers=("kv-reviewers", "dana@contoso.com"),
    )
    assert {"ttl", "ttl.minimum", "profiles.by_tag", "reviewers"} < policy.stated
    assert "zones.id" not in policy.stated


@pytest.mark.parametrize("place", ["", "  "])
def test_without_a_place_the_default_policy_is_used(place: str, clock: HandClock) -> None:
    policy = source(place, clock).policy()

    assert policy == Policy(watched_subscriptions=frozenset({SUBSCRIPTION}))
    assert policy.unusable == ""


def test_a_file_with_only_a_version_is_the_default_policy(tmp_path: Path) -> None:
    assert loaded(tmp_path, "version: 1\n") == Policy(watched_subscriptions=frozenset({SUBSCRIPTION}))


def test_the_zone_of_another_cloud_is_that_clouds(tmp_path: Path) -> None:
    text = f"version: 1\nzones: [{{id: {ZONE.replace('azure.net', 'azure.cn')}, writer: other}}]"

    assert loaded(tmp_path, text, AZURE_CHINA_CLOUD).unusable == ""
    assert "privatelink.vaultcore.azure.net" in loaded(tmp_path, text).unusable


@pytest.mark.parametrize("text", ["rules: {KVG411: off}", "rules: {KVG411: 'off'}", "rules: {KVG411: Off}"])
def test_off_is_a_mode_quoted_or_not(tmp_path: Path, text: str) -> None:
    assert loaded(tmp_path, f"version: 1\n{text}").modes == {"KVG411": Mode.OFF}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["version: missing"]),
        ("version: 2", ["version: "]),
        ("version: true", ["version: "]),
        ("- version: 1", ["the policy: Expected a mapping, got a list"]),
        ("just text", ["the policy: Expected a mapping, got a text"]),
        ("version: 1\nzone: []", ["zone: no such key", "zones"]),
        ("version: 1\nrules: {KVG999: fix}", ["rules.KVG999: there is no such rule"]),
        ("version: 1\nrules: {kvg411: fix}", ["rules.kvg411: there is no such rule"]),
        ("version: 1\nrules: {KVG411: on}", ["rules.KVG411: "]),
        ("version: 1\nrules: {KVG411: enforce}", ["rules.KVG411: ", "enforce"]),
        ("version: 1\nrules: [KVG411]", ["rules: "]),
        ("version: 1\nrules: {KVG101: fix}", ["rules.KVG101: fix is above the rule's ceiling; approve is the most"]),
        ("version: 1\nrules: {KVG904: approve}", ["rules.KVG904: approve is above", "audit is the most"]),
        (f"version: 1\nzones: [{{id: {ZONE}}}]", ["zones[0].writer: missing"]),
        (f"version: 1\nzones: [{{id: {ZONE}, writer: bicep}}]", ["zones[0].writer: ", "bicep"]),
        (f"version: 1\nzones: [{{id: {ZONE}, writer: other, x: 1}}]", ["zones[0].x: no such key"]),
        ("version: 1\nzones: [{id: somewhere, writer: other}]", ["zones[0].id: not a resource id"]),
        (
            f"version: 1\nzones: [{{id: {NETWORK}, writer: other}}]",
            ["zones[0].id: not the id of a Microsoft.Network/priv"],
        ),
        (f"version: 1\nzones: [{{id: {ZONE}x, writer: other}}]", ["zones[0].id: the zone for vaults in AzureCloud is"]),
        (
            f"version: 1\nzones: [{{id: {ZONE}, writer: other}}, {{id: {ZONE.upper()}, writer: kvguard}}]".replace(
                "/SUBSCRIPTIONS", "/subscriptions"
            ),
            ["zones[1].id: this zone is listed twice"],
        ),
        (
            f"version: 1\nzones: [{{id: {ZONE}, writer: other, networks: [{ZONE}]}}]",
            ["zones[0].networks[0]: not the id of a Microsoft.Network/virtualNetworks"],
        ),
        (
            f"version: 1\nzones: [{{id: {ZONE}, writer: other, link_resolution_policy: always}}]",
            ["zones[0].link_resolution_policy: "],
        ),
        ("version: 1\nzone_subscriptions: {ids: [me]}", ["zone_subscriptions.ids[0]: not a subscription id"]),
        ("version: 1\nzone_subscriptions: {complete: maybe}", ["zone_subscriptions.complete: "]),
        ("version: 1\nprofiles: {default: secret}", ["profiles.default: "]),
        ("version: 1\nprofiles: {scopes: [{scope: everything, profile: public}]}", ["profiles.scopes[0].scope: not"]),
        (f"version: 1\nprofiles: {{scopes: [{{scope: {ZONE}, profile: public}}]}}", ["profiles.scopes[0].scope: not"]),
        (
            "\n".join(
                [
                    "version: 1",
                    "profiles:",
                    "  scopes:",
                    f"  - {{scope: {GROUP}, profile: public}}",
                    f"  - {{scope: {GROUP.replace('rg-dns', 'RG-DNS')}, profile: private}}",
                ]
            ),
            ["profiles.scopes[1].scope: this scope is listed twice"],
        ),
        ("version: 1\nttl: {minimum: 0}", ["ttl.minimum: "]),
        ("version: 1\nttl: {maximum: 2147483648}", ["ttl.maximum: "]),
        ("version: 1\nttl: {minimum: 700}", ["ttl.minimum: above ttl.maximum"]),
        ("version: 1\nttl: {default: 5}", ["ttl.default: not within 10 to 600"]),
        ("version: 1\nttl: {default: 60.5}", ["ttl.default: "]),
        ("version: 1\nttl: {default: '60'}", ["ttl.default: "]),
        ("version: 1\nttl: {default: true}", ["ttl.default: "]),
        ("version: 1\ntiming: {settle_seconds: 0}", ["timing.settle_seconds: "]),
        ("version: 1\ntiming: {dead_connection_age_seconds: 0}", ["timing.dead_connection_age_seconds: "]),
        ("version: 1\ntiming: {settle_seconds: 99999999999}", ["timing.settle_seconds: "]),
        ("version: 1\nconnections: {allowed_subscriptions: ['*']}", ["connections.allowed_subscriptions[0]: not"]),
        ("version: 1\npipeline_ranges: [10.0.0.1/8]", ["pipeline_ranges[0]: not an IPv4 range"]),
        ("version: 1\npipeline_ranges: ['2001:db8::/32']", ["pipeline_ranges[0]: not an IPv4 range"]),
        ("version: 1\npipeline_ranges: [10.0.0.0/255.0.0.0]", ["pipeline_ranges[0]: not an IPv4 range"]),
        (
            "version: 1\npipeline_ranges: [20.0.0.0/9]\nip_rules: {forbidden: [20.1.2.0/24]}",
            ["pipeline_ranges: 20.0.0.0/9 touches 20.1.2.0/24, which ip_rules.forbidden names"],
        ),
        ("version: 1\nip_rules: {widest: 0}", ["ip_rules.widest: "]),
        ("version: 1\nip_rules: {widest: 33}", ["ip_rules.widest: "]),
        ("version: 1\nip_rules: {allowed: [everything]}", ["ip_rules.allowed[0]: not an IPv4 range"]),
        ("version: 1\nip_rules: {forbidden: [1.2.3.4/16]}", ["ip_rules.forbidden[0]: not an IPv4 range"]),
        ("version: 1\ntrusted_services: sometimes", ["trusted_services: "]),
        ("version: 1\ndns_mode: magic", ["dns_mode: "]),
        (
            f"version: 1\nclient_networks: [{{id: {ZONE}}}]",
            ["client_networks[0].id: not the id of a Microsoft.Network/v"],
        ),
        (f"version: 1\nclient_networks: [{{id: {NETWORK}, role: all}}]", ["client_networks[0].role: "]),
        (
            f"version: 1\nclient_networks: [{{id: {NETWORK}}}, {{id: {NETWORK.replace('hub', 'HUB')}}}]",
            ["client_networks[1].id: this network is listed twice"],
        ),
        (
            "version: 1\naccess: {forbidden_principals: [everyone]}",
            ["access.forbidden_principals[0]: not an object id"],
        ),
        (
            "version: 1\nconnections: {managed_service_subscriptions: [x]}",
            ["connections.managed_service_subscriptions[0]: not a subscription id"],
        ),
        ("version: 1\nreviewers: ['  ']", ["reviewers[0]: says nothing"]),
        ("version: 1\nreviewers: [a, A]", ["reviewers[1]: listed twice"]),
        ("version: 1\nreviewers: a", ["reviewers: "]),
        (f"version: 1\nscopes: [{{scope: {GROUP}}}]", ["scopes[0].rules: missing"]),
        (f"version: 1\nscopes: [{{scope: {ZONE}, rules: {{}}}}]", ["scopes[0].scope: not the id of a subscription"]),
        (f"version: 1\nscopes: [{{scope: {GROUP}, rules: {{KVG101: fix}}}}]", ["scopes[0].rules.KVG101: fix is above"]),
        (f"version: 1\nscopes: [{{scope: {GROUP}, rules: {{KVG1: off}}}}]", ["scopes[0].rules.KVG1: there is no such"]),
        (
            f"version: 1\nscopes: [{{scope: {GROUP}, rules: {{}}}}, {{scope: {GROUP}/, rules: {{}}}}]",
            ["scopes[1].scope: this scope is listed twice"],
        ),
        (
            f"version: 1\nprofiles: {{by_tag: [{{scope: {GROUP}, allowed: [secret]}}]}}",
            ["profiles.by_tag[0].allowed[0]: "],
        ),
        (f"version: 1\nprofiles: {{by_tag: [{{scope: {ZONE}, allowed: []}}]}}", ["profiles.by_tag[0].scope: not"]),
        ("version: 1\nbudgets: {writes_per_hour: 1001}", ["budgets.writes_per_hour: "]),
        ("version: 1\nbudgets: {writes_per_hour: -1}", ["budgets.writes_per_hour: "]),
        ("version: 1\nversion: 1", ["the key 'version' stands twice at line 2, column 1"]),
        ("version: 1\nttl: {default: 20, 'default': 30}", ["the key 'default' stands twice"]),
        ("version: 1\n? [a, b]\n: c", ["a key must be a plain text"]),
        ("a: &x [1]\nb: *x", ["anchors and aliases are not used here at line 1"]),
        ("version: !!python/object/apply:os.system [id]", ["tags are not used here"]),
        ("version: 1\n<<: {ttl: {}}", ["merge keys are not used here at line 2"]),
        ("version: 1\n---\nversion: 1", ["but found another document at line 2"]),
        ("version: [1", ["line"]),
        ("version: 1\nttl: {default: 2026-13-45}", ["month must be in 1..12"]),
        ("{" * 40, ["nested too deeply"]),
        ("[" * 100_000, ["nested too deeply"]),
        ("version: 1 #" + "x" * MOST_BYTES, ["at most 262144 are read"]),
        ("version: 1\nrules: {" + ", ".join(f"K{n}: fix" for n in range(50)) + "}", ["K0", "K19", "and 30 more"]),
    ],
)
def test_a_wrong_policy_is_unusable_and_says_where(tmp_path: Path, text: str, said: list[str]) -> None:
    policy = loaded(tmp_path, text)

    assert [part for part in said if part not in policy.unusable] == [], policy.unusable
    assert policy == Policy(unusable=policy.unusable, watched_subscriptions=frozenset({SUBSCRIPTION}))


def test_all_errors_are_reported_at_once(tmp_path: Path) -> None:
    text = """
version: 1
rules: {KVG411: maybe, KVG999: fix}
zones: [{id: x, writer: y}, {writer: other}]
ttl: {minimum: -1, default: many}
oops: 1
"""
    places = {problem.split(":")[0] for problem in loaded(tmp_path, text).unusable.split("; ") if ":" in problem}

    assert places >= {"rules.KVG411", "zones[0].writer", "zones[1].id", "ttl.minimum", "ttl.default", "oops"}


def test_what_is_wrong_beyond_the_form_is_reported_at_once_too(tmp_path: Path) -> None:
    text = "version: 1\nrules: {KVG999: fix}\npipeline_ranges: [x]\nttl: {minimum: 601}"

    places = [problem.split(":")[0] for problem in loaded(tmp_path, text).unusable.split("; ")]

    assert sorted(places) == ["pipeline_ranges[0]", "rules.KVG999", "ttl.minimum"]


def test_bytes_that_are_no_text_are_unusable(tmp_path: Path, clock: HandClock) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"version: 1 # \xff\xfe")

    assert source(path, clock).policy().unusable == "not UTF-8"


@pytest.mark.parametrize("place", ["missing.yaml", ".", "x\x00y"])
def test_a_file_that_cannot_be_read_is_unusable_without_its_folder(
    tmp_path: Path, clock: HandClock, place: str
) -> None:
    policy = source(f"{tmp_path}/{place}", clock).policy()

    assert "could not be read" in policy.unusable
    assert str(tmp_path.parent) not in policy.unusable


def test_a_change_is_seen_after_30_seconds_and_not_before(tmp_path: Path, clock: HandClock) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("version: 1\nbudgets: {writes_per_hour: 1}")
    policies = source(path, clock)
    assert policies.policy().writes_per_hour == 1

    path.write_text("version: 1\nbudgets: {writes_per_hour: 22}")
    clock.time += timedelta(seconds=29)
    assert policies.policy().writes_per_hour == 1
    clock.time += timedelta(seconds=1)
    assert policies.policy().writes_per_hour == 22


def test_a_policy_that_vanishes_or_breaks_is_no_longer_used_and_comes_back(tmp_path: Path, clock: HandClock) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("version: 1")
    policies = source(path, clock)
    seen: list[bool] = []
    for act in (lambda: None, lambda: path.rename(tmp_path / "away"), lambda: (tmp_path / "away").rename(path)):
        act()
        clock.time += timedelta(seconds=30)
        seen.append(policies.policy().unusable == "")

    assert seen == [True, False, True]


def test_an_unchanged_file_is_not_parsed_again(
    tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("version: 1")
    policies = source(path, clock)
    first = policies.policy()
    monkeypatch.setattr("shared.adapters.policy_file.read_yaml", lambda data: pytest.fail("parsed again"))

    clock.time += timedelta(minutes=1)
    assert policies.policy() is first


def test_the_same_file_is_read_the_same_without_the_c_parser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = loaded(tmp_path, FULL)
    monkeypatch.setattr("shared.adapters.policy_yaml._Loader", yaml.SafeLoader)

    assert loaded(tmp_path, FULL) == fast
    assert "stands twice" in loaded(tmp_path, "version: 1\nversion: 1").unusable


@pytest.fixture(scope="module")
def azurite() -> Iterator[Azurite]:
    with Azurite() as running:
        yield running


def test_a_policy_in_a_blob_of_the_own_account_is_followed(azurite: Azurite, clock: HandClock) -> None:
    blobs = BlobStore(StorageConnection("KvGuardStorage", connection_string=azurite.connection_string))
    service = BlobServiceClient.from_connection_string(azurite.connection_string)
    container = service.create_container("policies")
    policies = source(f"{blobs.endpoint}/policies/prod/policy.yaml", clock, blobs=blobs)
    assert policies.policy().unusable == "there is no blob policies/prod/policy.yaml"

    limits: list[tuple[int, str]] = []
    for text in (
        "version: 1\nbudgets: {writes_per_hour: 3}",
        "version: 1\nbudgets: {writes_per_hour: 4}",
        "#" * 300_000,
    ):
        container.upload_blob("prod/policy.yaml", text, overwrite=True)
        clock.time += timedelta(seconds=30)
        policy = policies.policy()
        limits.append((policy.writes_per_hour, policy.unusable))

    assert limits == [(3, ""), (4, ""), (20, "300000 bytes, at most 262144 are read")]


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("https://other.blob.core.windows.net/policies/policy.yaml", "own storage account"),
        ("{own}/policy.yaml", "names no blob"),
        ("{own}.example.com/policies/policy.yaml", "own storage account"),
        ("{own}/policies/policy.yaml", "could not be read"),
    ],
)
def test_a_blob_elsewhere_or_out_of_reach_is_unusable(place: str, said: str, clock: HandClock) -> None:
    text = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:1/a;"
    blobs = BlobStore(StorageConnection("KvGuardStorage", connection_string=text))

    assert said in source(place.format(own=blobs.endpoint), clock, blobs=blobs).policy().unusable


def test_the_example_of_the_page_is_usable(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "policy.md"
    found = re.search(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    example = tmp_path / "policy.yaml"
    example.write_text(found.group(1), encoding="utf-8")

    policies = PolicyFile(str(example), AZURE_CLOUD, {SUBSCRIPTION}, RULES, NOWHERE, HandClock())

    assert policies.policy().unusable == ""


def test_a_json_schema_can_be_made_of_the_shape() -> None:
    schema = msgspec.json.schema(PolicyDocument)

    shape = schema["$defs"]["PolicyDocument"]
    assert shape["additionalProperties"] is False
    assert set(shape["properties"]) == set(PolicyDocument.__struct_fields__)
