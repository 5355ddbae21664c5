"""Problem documents: RFC 9457, bounded, on one line."""

from __future__ import annotations

import pytest

from shared.reporting.problem import problem
from tests.reporting.samples import parsed


def test_a_problem_document_has_the_members_of_rfc_9457() -> None:
    body, content_type = problem(404, "Not found", "No such vault in the subscriptions that kvguard watches.")

    assert content_type == "application/problem+json"
    assert parsed(body) == {
        "type": "about:blank",
        "title": "Not found",
        "status": 404,
        "detail": "No such vault in the subscriptions that kvguard watches.",
    }


def test_a_type_of_its_own_is_kept() -> None:
    body, _ = problem(409, "Stale", "The state has moved.", "urn:kvguard:stale")

    assert parsed(body)["type"] == "urn:kvguard:stale"


def test_texts_are_bounded_and_cannot_break_a_line() -> None:
    body, _ = problem(502, "x" * 5000, "\r\nSet-Cookie: a\x1b" + "y" * 5000)

    assert len(parsed(body)["title"]) == 100
    assert len(parsed(body)["detail"]) == 500
    assert parsed(body)["detail"].startswith("\\u{d}\\u{a}Set-Cookie: a\\u{1b}yyy")


@pytest.mark.parametrize("status", [200, 302, 399, 600])
def test_only_errors_are_problems(status: int) -> None:
    with pytest.raises(ValueError, match="no error status"):
        problem(status, "Fine", "Nothing happened.")
