"""Cleaning of text: what stays, what is made visible, where it is cut."""

from __future__ import annotations

import pytest

from shared.reporting.text import plain


@pytest.mark.parametrize("text", ["", "pe-contoso", "Größe 10 ≥ 9", "日本語 🔒", "<b>&\"'</b> | `x`", r"\u{1b}"])
def test_visible_text_stays_as_it_is(text: str) -> None:
    assert plain(text, 100) == text


@pytest.mark.parametrize(
    ("limit", "expected"), [(6, "abcdef"), (5, "abcd…"), (1, "…"), (0, "")], ids=["whole", "cut", "one", "none"]
)
def test_a_text_is_cut_at_its_limit_and_says_so(limit: int, expected: str) -> None:
    assert plain("abcdef", limit) == expected


def test_a_cut_never_leaves_half_an_escape() -> None:
    for limit in range(1, 20):
        cut = plain("ab\x1bcd\x00ef", limit)
        assert len(cut) <= limit
        assert cut.count("{") == cut.count("}"), cut


def test_line_feeds_stay_where_lines_are_meant_and_other_breaks_do_not() -> None:
    assert plain("a\nb\rc\x0bd\te", 100, multiline=True) == "a\nb\\u{d}c\\u{b}d\\u{9}e"
    assert plain("a\nb", 100) == "a\\u{a}b"
