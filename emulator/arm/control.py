"""Routes by which tests and demonstrations in other processes steer and watch the local Azure.

All of them want the header `X-Emulator-Control` with the secret that the ready file names.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from emulator.arm.access import Principal
from emulator.arm.faults import ALWAYS, Faults, Surface, parse_action, parse_schedule
from emulator.arm.policy_remediation import DELAY_SECONDS, PolicyRemediation
from emulator.arm.restrictions import LockLevel, Restrictions
from emulator.arm.service import ArmService

HEADER = "x-emulator-control"


class Control:
    """The control routes of one server."""

    def __init__(
        self, service: ArmService, faults: Faults, secret: str, env_for: Callable[[str], dict[str, str]]
    ) -> None:
        self._service = service
        self._faults = faults
        self._secret = secret
        self._env_for = env_for
        self._remediation: PolicyRemediation | None = None

    def routes(self) -> list[Route]:
        """All routes."""
        return [
            self._route("/_emulator/log", self._log, "GET"),
            self._route("/_emulator/state", self._state, "GET"),
            self._route("/_emulator/faults", self._add_fault, "POST"),
            self._route("/_emulator/faults", self._clear_faults, "DELETE"),
            self._route("/_emulator/deny", self._deny, "POST"),
            self._route("/_emulator/grant", self._grant, "POST"),
            self._route("/_emulator/restore", self._restore, "POST"),
            self._route("/_emulator/switches", self._list_switches, "GET"),
            self._route("/_emulator/switches", self._switches, "POST"),
            self._route("/_emulator/locks", self._lock, "POST"),
            self._route("/_emulator/policy-denials", self._deny_by_policy, "POST"),
            self._route("/_emulator/deny-assignments", self._deny_assignment, "POST"),
            self._route("/_emulator/restrictions", self._lift, "DELETE"),
            self._route("/_emulator/policy-remediation", self._remediate, "POST"),
            self._route("/_emulator/policy-remediation", self._stop_remediation, "DELETE"),
            self._route("/_emulator/principals", self._principal, "POST"),
        ]

    def _route(self, path: str, handler: Callable[[Any], Any], method: str) -> Route:
        async def endpoint(request: Request) -> Response:
            if not secrets.compare_digest(request.headers.get(HEADER, ""), self._secret):
                return JSONResponse({"error": "the control secret is missing or wrong"}, 403)
            argument: Any = dict(request.query_params)
            try:
                if method == "POST":
                    argument = await request.json()
                return JSONResponse(handler(argument))
            except (ValueError, KeyError, TypeError) as error:
                return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)

        return Route(path, endpoint, methods=[method])

    def _log(self, query: dict[str, str]) -> Any:
        entries = self._service.log.since(int(query.get("since", "0")))
        return {"entries": [entry.as_json() for entry in entries]}

    def _state(self, query: dict[str, str]) -> Any:
        self._service.settle()
        store = self._service.world.store
        with store.lock:
            return {
                "groups": sorted(f"{group.subscription}/{group.name}" for group in store.groups.values()),
                "resources": [
                    {"id": item.id.text, "type": item.id.type, "state": item.state.value, "etag": item.etag}
                    for item in store.all()
                ],
                "pending": self._service.clock.pending,
            }

    def _add_fault(self, body: dict[str, Any]) -> Any:
        """`{"method", "path", "action": {"kind", ...}, "times", "schedule": {"start", "end", ...}, "surface"}`."""
        action = dict(body["action"])
        kind = action.pop("kind")
        schedule = body.get("schedule")
        self._faults.add(
            body.get("method", "*"),
            body["path"],
            parse_action(kind, action),
            body.get("times"),
            schedule=ALWAYS if schedule is None else parse_schedule(schedule),
            surface=Surface(body.get("surface", "arm")),
        )
        return {}

    def _clear_faults(self, query: dict[str, str]) -> Any:
        self._faults.clear()
        return {}

    def _deny(self, body: dict[str, Any]) -> Any:
        self._service.world.access.deny(body["principal"], body["action"], body.get("scope", "/"))
        return {}

    def _grant(self, body: dict[str, Any]) -> Any:
        self._service.world.access.grant(
            body["principal"],
            tuple(body["actions"]),
            body.get("scope", "/"),
            tuple(body.get("notActions", ())),
        )
        return {}

    def _restore(self, body: dict[str, Any]) -> Any:
        self._service.world.access.restore(body["principal"])
        return {}

    def _list_switches(self, query: dict[str, str]) -> Any:
        return {"switches": self._service.world.switches.listing()}

    def _switches(self, body: dict[str, Any]) -> Any:
        with self._service.world.store.lock:
            for name, value in body.items():
                self._service.world.switches.set(name, value)
        return {}

    def _lock(self, body: dict[str, Any]) -> Any:
        """`{"scope", "level": "CanNotDelete" or "ReadOnly", "name"}`."""
        level = LockLevel(body.get("level", "ReadOnly"))
        return {"id": self._restrictions.lock(body["scope"], level, body.get("name", "lock")).id}

    def _deny_by_policy(self, body: dict[str, Any]) -> Any:
        """`{"scope", "resourceType", "name"}`."""
        made = self._restrictions.deny_by_policy(body["scope"], body["resourceType"], body.get("name", "deny-policy"))
        return {"id": made.assignment_id}

    def _deny_assignment(self, body: dict[str, Any]) -> Any:
        """`{"scope", "actions", "name", "excluded"}`; `excluded` are names of principals."""
        made = self._restrictions.deny_assignment(
            body["scope"],
            tuple(body["actions"]),
            body.get("name", "deny-assignment"),
            tuple(body.get("excluded", ())),
        )
        return {"id": made.id}

    def _lift(self, query: dict[str, str]) -> Any:
        self._restrictions.clear()
        return {}

    @property
    def _restrictions(self) -> Restrictions:
        return self._service.world.restrictions

    def _remediate(self, body: dict[str, Any]) -> Any:
        """`{"zone", "delay"}`, the delay in seconds of Azure; takes the place of an earlier one."""
        self._stop_remediation({})
        delay = float(body.get("delay", DELAY_SECONDS))
        self._remediation = PolicyRemediation(self._service, body["zone"], delay)
        return {"principal": self._remediation.principal.name}

    def _stop_remediation(self, query: dict[str, str]) -> Any:
        if self._remediation is not None:
            self._remediation.stop()
        self._remediation = None
        return {}

    def _principal(self, body: dict[str, Any]) -> Any:
        """Make a principal known: its ids, and the environment of a process that runs as it."""
        who = Principal.named(body["name"], person=bool(body.get("person", False)))
        identity = self._service.identities.add(who)
        return {
            "oid": identity.principal.oid,
            "appid": identity.principal.appid,
            "env": self._env_for(identity.principal.name),
        }
