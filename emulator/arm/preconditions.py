"""If-Match and If-None-Match as private DNS understands them; a failed one is a 412 with a flat body."""

from __future__ import annotations

from emulator.arm.errors import precondition_failed
from emulator.arm.messages import ArmRequest
from emulator.arm.resources import Link, Resource
from emulator.arm.switches import Quoting, Switches
from emulator.arm.world import World


def check(world: World, request: ArmRequest, noun: str, name: str, existing: Resource | None) -> None:
    """Refuse the request unless its preconditions hold for the resource as it is (None: there is none).

    With the switch `strict_etag` a value matches only as it is shown; otherwise quotes around either side are ignored.
    Which of the two the service does is not established, nor whether it looks at an `etag` in the body.
    """
    etag = None if existing is None else shown_etag(world.switches, existing)
    if request.headers.get("if-none-match") == "*" and etag is not None:
        raise precondition_failed(f"The {noun} {name} exists already and hence cannot be created again.")
    wanted = request.headers.get("if-match")
    sent = request.body.get("etag") if request.method in ("PUT", "PATCH") else None
    stale = isinstance(sent, str) and etag is not None and sent.strip('"') not in ("", etag.strip('"'))
    if world.switches.body_etag_enforced and stale:
        raise precondition_failed(f"The {noun} {name} has been modified (etag mismatch).")
    if not wanted:
        return
    if etag is None:
        raise precondition_failed(f"The {noun} {name} does not exist and hence cannot be updated or deleted.")
    if wanted == "*":
        return
    equal = wanted == etag if world.switches.strict_etag else wanted.strip('"') == etag.strip('"')
    if not equal:
        raise precondition_failed(f"The {noun} {name} has been modified (etag mismatch).")


def shown_etag(switches: Switches, resource: Resource) -> str:
    """The etag as body and header show it: with or without quotes, by switch."""
    bare = (resource.etag or "").strip('"')
    quoting = switches.link_etags if isinstance(resource, Link) else switches.dns_etags
    return f'"{bare}"' if quoting is Quoting.QUOTED else bare
