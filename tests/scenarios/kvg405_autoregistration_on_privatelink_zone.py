"""Virtual machines of the network would register their names in the vaults' zone."""

from __future__ import annotations

from shared.domain.grades import Applicability
from tests.scenarios.estate import DNS_GROUP_NAME, LINK, NETWORK, ZONE_NAME, Estate, link_body
from tests.scenarios.scenario import Remedy, Scenario, Under, Write


def make(estate: Estate) -> str:
    links = estate.sdk.privatedns.virtual_network_links
    body = link_body(NETWORK, registration=True)
    links.begin_create_or_update(DNS_GROUP_NAME, ZONE_NAME, "to-vnet-app", body).result()
    return LINK


SCENARIO = Scenario(
    "registration switched on",
    "KVG405",
    make,
    (Remedy("set-link-registration", Applicability.APPROVAL, (Write("PATCH", LINK, Under.ETAG),)),),
)
