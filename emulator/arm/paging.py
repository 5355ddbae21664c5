"""Lists in pages: `value` and an absolute `nextLink` with a `$skiptoken`.

Source: https://learn.microsoft.com/rest/api/azure/#async-operations-throttling-and-paging
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import TypeVar
from urllib.parse import quote, urlencode

from emulator.arm.errors import bad_request
from emulator.arm.messages import ArmRequest, ArmResponse, Json
from emulator.arm.resources import Resource
from emulator.arm.switches import LastLink
from emulator.arm.world import World

R = TypeVar("R", bound=Resource)


def page(
    world: World,
    request: ArmRequest,
    resources: Iterable[R],
    render: Callable[[R], Json],
    *,
    action: str,
    size: int | None = None,
    null_next_link: bool = False,
    escape_slashes: bool = False,
) -> ArmResponse:
    """One page, ordered by id, of those rows that the caller may read.

    `$top` makes pages smaller, never larger. The token names the last row, so rows made or deleted between two
    pages shift nothing.
    """
    size = size or world.switches.page_size
    top = request.parameter("$top")
    if top is not None:
        if not top.isdigit() or int(top) < 1:
            raise bad_request(f"The value '{top}' of $top is not a positive number.", "InvalidQueryParameterValue")
        size = min(size, int(top))
    rows = sorted(resources, key=_key)
    if not world.access.everywhere(request.principal, action):
        rows = [row for row in rows if world.access.allows(request.principal, action, row.id.text)]
    token = request.parameter("$skiptoken")
    if token is not None:
        last = _decode(token)
        rows = [row for row in rows if row.id.key > last]
    shown, rest = rows[:size], rows[size:]
    body: Json = {"value": [render(row) for row in shown]}
    full_last_page = world.switches.empty_last_page and len(shown) == size
    if shown and (rest or full_last_page):
        query = {name: value for name, value in request.query.items() if name.casefold() not in ("$skiptoken", "$top")}
        if top is not None:
            query["$top"] = top
        query["$skiptoken"] = base64.urlsafe_b64encode(shown[-1].id.key.encode()).decode()
        body["nextLink"] = f"{request.origin}{quote(request.path)}?{urlencode(query, safe='$')}"
    else:
        end_of_list(body, world.switches.last_next_link, recorded_as_null=null_next_link)
    return ArmResponse(200, body, escape_slashes=escape_slashes)


def _key(row: Resource) -> str:
    return row.id.key


def end_of_list(body: Json, switch: LastLink, *, recorded_as_null: bool) -> None:
    """Show that no page follows."""
    if switch is LastLink.NULL or (switch is LastLink.RECORDED and recorded_as_null):
        body["nextLink"] = None
    elif switch is LastLink.EMPTY:
        body["nextLink"] = ""


def _decode(token: str) -> str:
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise bad_request("The skip token is not one of this service.", "InvalidSkipToken") from error
