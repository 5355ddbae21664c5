"""If-Match and If-None-Match as private DNS understands them; a failed one is a 412 with a flat body."""

from __future__ import annotations

from emulator.arm.errors import precondition_failed
from emulator.arm.messages import ArmRequest
from emulator.arm.resources import Resource
from emulator.arm.world import World


def check(world: World, request: ArmRequest, noun: str, name: str, existing: Resource | None) -> None:
    """Refuse the request unless its preconditions hold for the resource as it is (None: there is none).

    With the switch `strict_etag` a value matches only as it is; otherwise quotes around either side are ignored.
    Which of the two the service does is not established.
    """
    etag = None if existing is None else existing.etag
    if request.headers.get("if-none-match") == "*" and etag is not None:
        raise precondition_failed(f"The {noun} {name} exists already and hence cannot be created again.")
    wanted = request.headers.get("if-match")
    if not wanted:
        return
    if etag is None:
        raise precondition_failed(f"The {noun} {name} does not exist and hence cannot be updated or deleted.")
    if wanted == "*":
        return
    equal = wanted == etag if world.switches.strict_etag else wanted.strip('"') == etag.strip('"')
    if not equal:
        raise precondition_failed(f"The {noun} {name} has been modified (etag mismatch).")
