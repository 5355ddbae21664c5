"""The token buckets: what they hold, how they fill, what a refusal looks like, and that it takes nothing."""

import pytest

from emulator.arm.access import Principal
from emulator.arm.clock import Clock, ManualTime
from emulator.arm.errors import ArmError
from emulator.arm.limits import ARM_LIMITS, DNS_LIMITS, GLOBAL_FACTOR, Limits
from emulator.arm.switches import Switches
from emulator.azure import SUBSCRIPTION, LocalAzure
from tests.emulator.arm.client import ArmClient
from tests.emulator.arm.estate import RECORD, SUBSCRIPTION_ID, VAULT, ZONE, Estate, record_body
from tests.emulator.arm.inprocess import Local

GUARD = Principal.named("guard")
OTHER = "99999999-2222-4333-8444-555555555555"


def _statuses(local: Local, method: str, path: str, count: int, who: str = "guard") -> list[int]:
    return [local.call(method, path, {"tags": {}} if method == "PATCH" else None, who=who).status for _ in range(count)]


def test_a_burst_of_250_reads_passes_and_25_more_each_second() -> None:
    local = Local()
    local.estate.vault()
    first = _statuses(local, "GET", VAULT, 255)
    assert (first[:250], first[250:]) == ([200] * 250, [429] * 5)
    local.time.advance(1)
    later = _statuses(local, "GET", VAULT, 30)
    assert (later.count(200), later.count(429)) == (25, 5)


def test_writes_and_deletes_have_buckets_of_their_own() -> None:
    local = Local()
    local.estate.vault()
    assert _statuses(local, "GET", VAULT, 251)[-1] == 429
    assert _statuses(local, "PATCH", VAULT, 201) == [200] * 200 + [429]
    assert _statuses(local, "DELETE", f"{VAULT}x", 201) == [404] * 200 + [429]
    local.time.advance(1)
    assert _statuses(local, "PATCH", VAULT, 11) == [200] * 10 + [429]


def test_a_refusal_says_when_to_come_back_and_takes_nothing() -> None:
    local = Local()
    local.estate.vault()
    _statuses(local, "GET", VAULT, 250)
    local.time.advance(0.01)
    refused = local.call("GET", VAULT, who="guard")
    assert refused.status == 429
    assert refused.body["error"]["code"] == "SubscriptionRequestsThrottled"
    assert refused.body["error"]["message"] == (
        f"Number of 'read' requests for subscription '{SUBSCRIPTION}' actor '{GUARD.oid}' exceeded. "
        "Please try again after '1' seconds."
    )
    assert refused.headers["Retry-After"] == "1"
    assert refused.headers["x-ms-ratelimit-remaining-subscription-reads"] == "0"
    everybody = refused.headers["x-ms-ratelimit-remaining-subscription-global-reads"]
    again = local.call("GET", VAULT, who="guard")
    assert (again.status, again.headers["x-ms-ratelimit-remaining-subscription-global-reads"]) == (429, everybody)
    entry = local.service.log.since()[-1]
    assert (entry.status, entry.resource_id, entry.action) == (429, VAULT, "Microsoft.KeyVault/vaults/read")
    local.time.advance(0.03)
    assert local.call("GET", VAULT, who="guard").status == 200


def test_another_principal_has_its_own_bucket_until_the_global_one_is_empty() -> None:
    local = Local()
    local.estate.vault()
    for number in range(GLOBAL_FACTOR):
        assert _statuses(local, "GET", VAULT, 250, who=f"principal-{number}") == [200] * 250
    one_more = local.call("GET", VAULT, who="principal-new")
    assert one_more.status == 429
    assert one_more.headers["x-ms-ratelimit-remaining-subscription-reads"] == "250"


def test_subscriptions_do_not_share() -> None:
    local = Local()
    local.service.world.store.add_subscription(OTHER, "Other")
    assert _statuses(local, "GET", SUBSCRIPTION_ID, 251)[-1] == 429
    assert local.call("GET", f"/subscriptions/{OTHER}", who="guard").status == 200


def test_private_dns_serves_500_reads_in_five_minutes_to_all_principals_together() -> None:
    local = Local()
    local.estate.zone()
    assert _statuses(local, "GET", ZONE, 249, "a") == [200] * 249
    assert _statuses(local, "GET", ZONE, 249, "b") == [200] * 249
    assert _statuses(local, "GET", ZONE, 2, "c") == [200] * 2
    refused = local.call("GET", ZONE, who="c")
    assert (refused.status, refused.body["error"]["code"]) == (429, "ResourceRequestsThrottled")
    assert refused.body["error"]["message"] == (
        "Number of requests for action 'Microsoft.Network/privateDnsZones/read' exceeded the limit of '500' for time "
        "interval '00:05:00'. Please try again after '1' seconds."
    )
    assert refused.headers["x-ms-ratelimit-remaining-subscription-resource-requests"] == "0"
    assert local.put(RECORD, record_body("10.1.0.4"), who="c").status == 201
    local.time.advance(6)
    assert _statuses(local, "GET", ZONE, 11, "c") == [200] * 10 + [429]


def test_reading_the_state_of_a_dns_operation_counts() -> None:
    local = Local()
    local.estate.group()
    accepted = local.put(ZONE, {"location": "global"})
    before = int(local.call("GET", ZONE).headers["x-ms-ratelimit-remaining-subscription-resource-requests"])
    status = local.call("GET", accepted.headers["Azure-AsyncOperation"])
    assert int(status.headers["x-ms-ratelimit-remaining-subscription-resource-requests"]) == before - 1


def test_requests_without_a_subscription_are_the_tenant_s() -> None:
    reply = Local().call("GET", "/subscriptions")
    assert reply.headers["x-ms-ratelimit-remaining-tenant-reads"] == "249"


def test_what_tests_put_in_place_counts_for_nobody() -> None:
    local = Local()
    for _ in range(300):
        local.estate.group()
    assert local.put(SUBSCRIPTION_ID + "/resourceGroups/x", {"location": "w"}).status == 201


@pytest.mark.parametrize(("scale", "wait"), [(1.0, "30"), (0.1, "3"), (0.001, "1")])
def test_retry_after_is_seconds_of_azure_scaled_and_rounded_up(scale: float, wait: str) -> None:
    switches = Switches()
    limits = Limits(Clock(scale, ManualTime()), switches)
    bucket = limits._bucket(("arm", f"subscription {SUBSCRIPTION}", GUARD.oid, "reads"), ARM_LIMITS["reads"])
    bucket.left = 1 - 30 * bucket.limit.per_second
    with pytest.raises(ArmError) as refused:
        limits.admit("GET", SUBSCRIPTION_ID, GUARD, "read")
    assert refused.value.headers["Retry-After"] == wait


def test_at_scale_0_nothing_is_refused(azure: LocalAzure, arm: ArmClient, estate: Estate) -> None:
    estate.vault()
    assert azure.switches.throttling
    assert {arm.get(VAULT).status_code for _ in range(270)} == {200}


def test_the_limits_are_azure_s() -> None:
    assert {kind: (limit.size, limit.per_second) for kind, limit in ARM_LIMITS.items()} == {
        "reads": (250, 25.0),
        "writes": (200, 10.0),
        "deletes": (200, 10.0),
    }
    assert DNS_LIMITS["reads"].size / DNS_LIMITS["reads"].per_second == pytest.approx(300)
