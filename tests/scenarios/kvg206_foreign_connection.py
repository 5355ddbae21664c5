"""Somebody else's endpoint, in a subscription that nobody here knows or can read, asks for or has a way in."""

from __future__ import annotations

from shared.domain.grades import Applicability, Profile
from tests.scenarios.azure import STRANGER
from tests.scenarios.estate import ENDPOINT, NETWORK, SUBNET, VAULT, Estate
from tests.scenarios.scenario import Expect, Remedy, Scenario, Write

THEIRS = f"/subscriptions/{STRANGER}"
OURS = "/".join(VAULT.split("/")[:3])
FOREIGN = ENDPOINT.replace(OURS, THEIRS)
REJECTED = (Write("PUT", f"{VAULT}/privateEndpointConnections/*"),)


def make(estate: Estate, *, manual: bool = True) -> str:
    """A cross-tenant endpoint: its owner makes it, and kvguard may not read it."""
    estate.network(NETWORK.replace(OURS, THEIRS), "10.66.0.0/16", "10.66.0.0/24")
    estate.endpoint(FOREIGN, VAULT, SUBNET.replace(OURS, THEIRS), manual=manual)
    estate.deny("Microsoft.Network", THEIRS)
    return estate.connection(FOREIGN)


def make_approved(estate: Estate) -> str:
    return make(estate, manual=False)


SCENARIO = Scenario(
    "waiting",
    "KVG206",
    make,
    (Remedy("reject-connection", Applicability.APPROVAL, REJECTED, irreversible=True),),
    companions=frozenset({"KVG901"}),
)
TRAPS = (
    Scenario(
        "approved",
        "KVG206",
        make_approved,
        (Remedy("reject-connection", Applicability.APPROVAL, REJECTED, irreversible=True),),
        companions=frozenset({"KVG901"}),
    ),
    Scenario(
        "a partner is expected",
        "KVG206",
        make,
        expect=Expect.SILENT,
        policy=lambda estate: estate.policy(default_profile=Profile.PARTNER),
    ),
    Scenario(
        "an allowed subscription",
        "KVG206",
        make,
        expect=Expect.SILENT,
        policy=lambda estate: estate.policy(allowed_connection_subscriptions=frozenset({STRANGER})),
    ),
)
