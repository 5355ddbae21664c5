"""A link falls back to public answers though the policy does not say so."""

from __future__ import annotations

from tests.scenarios.estate import DNS_GROUP_NAME, LINK, NETWORK, ZONE_NAME, Estate, link_body
from tests.scenarios.scenario import Scenario


def make(estate: Estate) -> str:
    links = estate.sdk.privatedns.virtual_network_links
    body = link_body(NETWORK, resolutionPolicy="NxDomainRedirect")
    links.begin_create_or_update(DNS_GROUP_NAME, ZONE_NAME, "to-vnet-app", body).result()
    return LINK


SCENARIO = Scenario("falls back to public answers", "KVG406", make)
