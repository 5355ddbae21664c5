"""IPv4 addresses and ranges as firewall rules name them: which Key Vault refuses, and which open half the internet."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

Range = ipaddress.IPv4Network

# Key Vault refuses these in a firewall rule. https://learn.microsoft.com/azure/key-vault/general/network-security
_PRIVATE: Final = tuple(Range(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
# No client on the internet has an address in these: this host, carrier NAT, loopback, link-local, multicast, class E.
_NEVER_A_CLIENT: Final = tuple(
    Range(block) for block in ("0.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")
)
_HALF_OF_IPV4: Final = 2**31


@lru_cache(maxsize=8192)
def parse_range(text: str) -> Range | None:
    """The range that an address or a CIDR range names, None for any other text. Host bits are ignored."""
    try:
        return Range(text, strict=False)
    except ValueError:
        return None


def parse_ranges(texts: Iterable[str]) -> tuple[Range, ...]:
    """The ranges that all texts together name, neighbours merged and sorted; texts that name none are left out."""
    return tuple(ipaddress.collapse_addresses(found for found in map(parse_range, texts) if found is not None))


def touches_private(network: Range) -> bool:
    """Whether any address of the range is a private one (RFC 1918, which ends at 172.31)."""
    return any(network.overlaps(block) for block in _PRIVATE)


def is_private(network: Range) -> bool:
    """Whether all addresses of the range are private ones."""
    return any(network.subnet_of(block) for block in _PRIVATE)


def holds_no_client(network: Range) -> bool:
    """Whether no address of the range can belong to a client that comes from the internet."""
    return any(network.subnet_of(block) for block in _NEVER_A_CLIENT)


def open_the_internet(networks: Iterable[Range]) -> bool:
    """Whether the ranges together hold at least half of all IPv4 addresses, in one piece or in many."""
    kept = tuple(networks)
    if sum(network.num_addresses for network in kept) < _HALF_OF_IPV4:
        return False
    return sum(network.num_addresses for network in ipaddress.collapse_addresses(kept)) >= _HALF_OF_IPV4


def within(network: Range, ranges: Iterable[Range]) -> bool:
    """Whether one of the ranges holds every address of a range."""
    return any(network.subnet_of(block) for block in ranges)


def overlaps(network: Range, ranges: Iterable[Range]) -> bool:
    """Whether a range has an address in common with one of the ranges."""
    return any(network.overlaps(block) for block in ranges)
