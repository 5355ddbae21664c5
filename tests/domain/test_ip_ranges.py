"""Ranges of firewall rules: parsed strictly, private as RFC 1918 says, and the internet in any number of pieces."""

from __future__ import annotations

import ipaddress
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.ip_ranges import (
    Range,
    holds_no_client,
    is_private,
    open_the_internet,
    overlaps,
    parse_range,
    parse_ranges,
    touches_private,
    within,
)

RANGES = st.builds(
    lambda address, length: Range((address, length), strict=False), st.integers(0, 2**32 - 1), st.integers(0, 32)
)


def _range(text: str) -> Range:
    found = parse_range(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "text", ["", " ", "1.2.3", "1.2.3.4.5", "1.2.3.400", "1.2.3.4/33", "::1", "1.2.3.4-1.2.3.9", "a.b.c.d"]
)
def test_other_text_names_no_range(text: str) -> None:
    assert parse_range(text) is None


def test_an_address_is_a_range_of_one_and_host_bits_are_ignored() -> None:
    assert parse_range("203.0.113.7") == Range("203.0.113.7/32")
    assert parse_range("203.0.113.7/24") == Range("203.0.113.0/24")


def test_neighbours_are_merged_and_other_text_is_left_out() -> None:
    assert parse_ranges(["203.0.113.128/25", "x", "203.0.113.0/25"]) == (Range("203.0.113.0/24"),)


@pytest.mark.parametrize(
    ("text", "private", "touches"),
    [
        ("10.0.0.0/8", True, True),
        ("172.31.255.255", True, True),
        ("172.32.0.0", False, False),
        ("172.0.0.0/8", False, True),
        ("192.168.0.0/16", True, True),
        ("192.0.0.0/8", False, True),
        ("8.8.8.8", False, False),
    ],
)
def test_private_is_what_rfc_1918_says(text: str, private: bool, touches: bool) -> None:
    assert (is_private(_range(text)), touches_private(_range(text))) == (private, touches)


@pytest.mark.parametrize("text", ["203.0.113.0/24", "8.8.8.8", "223.255.255.255", "0.0.0.0/0", "100.128.0.0/10"])
def test_public_ranges_may_hold_clients(text: str) -> None:
    assert not holds_no_client(_range(text))


@settings(max_examples=60, deadline=None)
@given(st.lists(RANGES, max_size=8))
def test_the_internet_is_open_exactly_from_half_of_all_addresses_on(ranges: list[Range]) -> None:
    edges = sorted({0, 2**32, *(int(r[0]) for r in ranges), *(int(r[-1]) + 1 for r in ranges)})
    held = 0
    for low, high in itertools.pairwise(edges):
        if any(int(r[0]) <= low and high <= int(r[-1]) + 1 for r in ranges):
            held += high - low
    assert open_the_internet(ranges) is (held >= 2**31)


@settings(max_examples=60, deadline=None)
@given(RANGES, RANGES)
def test_within_and_overlaps_are_about_addresses(one: Range, other: Range) -> None:
    low, high = max(int(one[0]), int(other[0])), min(int(one[-1]), int(other[-1]))
    assert overlaps(one, [other]) is (low <= high)
    assert within(one, [other]) is (low == int(one[0]) and high == int(one[-1]))
    assert isinstance(other, ipaddress.IPv4Network)
