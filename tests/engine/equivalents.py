"""Clauses whose loss no test can notice, each with the reason: the answer is the same without them."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_READ: Final = "what is not read has ended the judgement before; the clause says so to the type checker"
_ASKED: Final = "who resolves for an unread or lost network is unknown, which has ended the judgement before"

EQUIVALENT: Final = MappingProxyType(
    {
        "104_broad_ip_rule.check: not rules is False": "without rules nothing is bad, and that returns as well",
        "201_pending_connection._answers: case.snapshot.vault.has_alias is False": (
            "with an alias no approval changes an answer; the clause saves simulating all networks"
        ),
        "202_dead_connection._too_fresh: sighting is not None is True (2)": (
            "a known sighting is one; the clause says so to the type checker"
        ),
        "207_stranded_endpoint._dead_ends: c.status.dead is True": "the living ones are taken off right afterwards",
        "207_stranded_endpoint._other_addresses: end.id != endpoint.id is True": (
            "an endpoint whose own addresses are unread is not asked about others"
        ),
        "304_no_zone_group._judge: not isinstance(zone, Zone) is False": (
            "without a zone there is always something against it"
        ),
        "305_zone_group_wrong_zone._why_wrong: named is False": (
            "only what is no zone for vaults has a wrong name, and that returns the name as well"
        ),
        "305_zone_group_wrong_zone._found: isinstance(home, Zone) is True": (
            "without a zone there is always something against it"
        ),
        "305_zone_group_wrong_zone._there_already: not isinstance(groups, Unread) is True": _READ,
        "403_network_not_linked._custom_dns: not isinstance(known, Network) is False": _ASKED,
        "403_network_not_linked._custom_dns: isinstance(known.forwarding, Unread) is False": _ASKED,
        "404_link_not_completed._judge: since is None is False": (
            "what has not failed and was never seen moving has returned before"
        ),
        "411_missing_a_record._linked_networks: isinstance(zone.links, Unread) is False": (
            "a zone serves only where its links are read"
        ),
        "411_missing_a_record._address_at_home: not isinstance(network, Network) is False": _ASKED,
        "412_wrong_a_record._proposals: isinstance(endpoints, Unread) is False": _READ,
        "412_wrong_a_record._proposals: isinstance(endpoint.addresses, Unread) is False": _READ,
        "416_contested_record._nobodys: not isinstance(right, Unread) is True": _READ,
        "416_contested_record._named: not isinstance(addresses, Unread) is True": _READ,
        "502_peered_network_not_linked._custom_dns: not isinstance(known, Network) is False": _ASKED,
        "502_peered_network_not_linked._custom_dns: isinstance(known.forwarding, Unread) is False": _ASKED,
        "505_egress_blocked._door: isinstance(destination, Unread) is False": (
            "what a client network that was read reaches is always known"
        ),
        "505_egress_blocked._inside: isinstance(seen, Unread) is False": (
            "what a client network that was read reaches is always known"
        ),
        "506_peering_not_connected._judge: isinstance(side, Unread) is True": (
            "where no side tells a state, every side is unread"
        ),
        "507_endpoint_subnet_filtered._judge: by_group is None is False": "both are unknown at once, or neither is",
        "507_endpoint_subnet_filtered._judge: by_routes is None is False": "both are unknown at once, or neither is",
        "attachment.home_zone: isinstance(designated, Unread) is False": _ASKED,
        "attachment.takeover: isinstance(record, Unread) is False": "an unread record is an objection to any offer",
        "contest._own: isinstance(reached, Unread) is False": "a network that is not reached is then kept as nothing",
        "vault_records.known_addresses: connection.endpoint is None is False": "no endpoint has the id None",
        "vault_records.correction: isinstance(right, Unread) is False": _READ,
        "vault_records.correction: isinstance(endpoints, Unread) is False": _READ,
    }
)
