"""Problem documents of the HTTP surface (RFC 9457).

They say what the caller can mend in kvguard's own words. A body of ARM or a claim of a token has no way in: there is
no member for one, and texts are one bounded line.
"""

from __future__ import annotations

import json
from typing import Final

from shared.reporting.text import plain

PROBLEM_TYPE: Final = "application/problem+json"


def problem(status: int, title: str, detail: str, type_uri: str = "about:blank") -> tuple[bytes, str]:
    """Body and content type of a problem document. Raises ValueError for a status that is no error."""
    if not 400 <= status <= 599:
        raise ValueError(f"{status} is no error status")
    body = {"type": type_uri, "title": plain(title, 100), "status": status, "detail": plain(detail, 500)}
    return json.dumps(body, ensure_ascii=False).encode(), PROBLEM_TYPE
