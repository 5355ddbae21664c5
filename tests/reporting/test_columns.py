"""Tables for a terminal: aligned, unwrapped, harmless."""

from __future__ import annotations

from shared.reporting.columns import columns


def test_columns_are_as_wide_as_their_widest_cell_and_lines_have_no_trailing_space() -> None:
    assert columns(("id", "name"), [("KVG101", "a"), ("x", "longer")]) == [
        "ID      NAME",
        "KVG101  a",
        "x       longer",
    ]


def test_without_rows_the_header_stays() -> None:
    assert columns(("id", "name"), []) == ["ID  NAME"]


def test_a_cell_can_neither_steer_the_terminal_nor_begin_a_line() -> None:
    (_, line) = columns(("id",), [("a\x1b[2J\r\nforged\u202e",)])
    assert line == r"a\u{1b}[2J\u{d}\u{a}forged\u{202e}"
