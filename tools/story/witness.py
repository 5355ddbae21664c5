"""The witness: what the local Azure's request log, Event Grid and the queues show, told as a timeline and kept.

Nothing here asks the app what it has done. Its journal is read for the reasons that the timeline shows, and for nothing
that is judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tools.story.azure import GUARD, Request, short
from tools.story.scenario import Scenario
from tools.story.stage import Stage
from tools.story.storage import Finding
from tools.story.timeline import Timeline

# Requests are numbered when they begin and logged when they end, so a late one has a lower number than some before it.
_OVERLAP: Final = 200


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event that the app has accepted. ``subject`` is the resource's id."""

    at: datetime
    operation: str
    subject: str


class Witness:
    """Watches one world. ``sync`` fetches what is new, prints it in the order of time, and keeps it."""

    def __init__(self, world: Stage, scenario: Scenario, timeline: Timeline) -> None:
        self._world = world
        self._scenario = scenario
        self._timeline = timeline
        self._requests: dict[int, Request] = {}
        self._written: set[str] = set()
        self._attempts = 0
        self._who, self._why = "", ""
        self.deliveries: list[Delivery] = []

    def explain(self, who: str, why: str) -> None:
        """The reason for the writes that ``who`` makes from now on."""
        self._who, self._why = who, why

    @property
    def mark(self) -> int:
        """The number of the latest request, for ``since``."""
        return max(self._requests, default=0)

    @property
    def findings(self) -> list[Finding]:
        """All messages of ``kvguard-findings`` so far."""
        return self._world.storage.findings

    def since(self, mark: int) -> list[Request]:
        """The requests after a mark, in the order in which they began."""
        return [self._requests[seq] for seq in sorted(self._requests) if seq > mark]

    def writes(self, mark: int = 0) -> list[Request]:
        """What kvguard asked to be changed after a mark, whatever came of it."""
        return [entry for entry in self.since(mark) if entry.is_write and entry.caller == GUARD]

    def sync(self) -> None:
        """Fetch, print and keep what is new."""
        lines: list[tuple[datetime, str, str, str]] = []
        for entry in self._world.azure.log(max(0, self.mark - _OVERLAP)):
            if entry.seq not in self._requests:
                self._requests[entry.seq] = entry
                if entry.is_write and "/providers/" in entry.resource:
                    first = entry.resource.casefold() not in self._written
                    self._written.add(entry.resource.casefold())
                    lines.append((entry.at, entry.caller, describe(entry, first=first), self._reason(entry)))
        for delivery in self._fresh_deliveries():
            self.deliveries.append(delivery)
            text = f"tells kvguard: {delivery.operation} on {_name(delivery.subject)}"
            lines.append((delivery.at, "Event Grid", text, ""))
        for finding in self._world.storage.collect():
            lines.append((finding.came, GUARD, _tells(finding), _reasons(finding)))
        for line in sorted(lines):
            self._timeline.event(*line)

    def unrest(self) -> str:
        """What still goes on in this world; empty when nothing does."""
        pending = int(self._world.azure.control("GET", "/_emulator/state")["pending"])
        if pending:
            return f"{pending} operations of Azure are not finished"
        wanted = self._published()
        if wanted > len(self.deliveries):
            return f"{wanted - len(self.deliveries)} events are not delivered"
        waiting = self._world.storage.waiting()
        return f"{waiting} messages are on kvguard-reconcile" if waiting else ""

    def _published(self) -> int:
        """How many events the app's subscription lets through."""
        [subscription] = self._world.azure.control("GET", "/_emulator/eventgrid/subscriptions")
        begins = [str(operation).casefold() for operation in subscription["operations"]]
        events = self._world.azure.control("GET", "/_emulator/eventgrid/published")
        return sum(
            event["eventType"] in subscription["eventTypes"]
            and any(str(event["data"]["operationName"]).casefold().startswith(begin) for begin in begins)
            for event in events
        )

    def _fresh_deliveries(self) -> list[Delivery]:
        attempts = self._world.azure.control("GET", f"/_emulator/eventgrid/deliveries?since={self._attempts}")
        if not attempts:
            return []
        self._attempts = max(int(attempt["sequence"]) for attempt in attempts)
        events = {str(e["id"]): e for e in self._world.azure.control("GET", "/_emulator/eventgrid/published")}
        return [
            Delivery(
                datetime.fromisoformat(str(attempt["time"])),
                str(events[attempt["eventId"]]["data"]["operationName"]),
                str(events[attempt["eventId"]]["subject"]),
            )
            for attempt in attempts
            if attempt["outcome"] == "Delivered" and attempt["eventId"] in events
        ]

    def _reason(self, entry: Request) -> str:
        if entry.caller == GUARD:
            return self._world.storage.reasons().get(entry.resource.casefold(), "no reason was journalled")
        return self._why if entry.caller == self._who else ""


def describe(entry: Request, *, first: bool) -> str:
    """A write in words. ``first`` says that nobody has written this resource before."""
    if entry.status >= 400:
        return f"is refused ({entry.status}): {entry.method} {short(entry.resource)}"
    if entry.method == "PUT":
        # Azure makes connections and kvguard never creates what is there, so a success says which it was.
        created = entry.status == 201 or (first and "/privateEndpointConnections/" not in entry.resource)
        created = created and entry.preconditions.get("if-match") is None
        return f"{'creates' if created else 'updates'} {_noun(entry)}"
    return f"{'deletes' if entry.method == 'DELETE' else 'changes'} {_noun(entry)}"


def _noun(entry: Request) -> str:
    parts = entry.resource.split("/")
    kind, name = parts[-2].casefold(), _name(entry.resource)
    properties = entry.body.get("properties", {}) if isinstance(entry.body, dict) else {}
    match kind:
        case "a":
            rows = ", ".join(str(row["ipv4Address"]) for row in properties.get("aRecords") or [])
            return f"A record {name} = {rows}, TTL {properties.get('ttl') or properties.get('TTL')} s"
        case "virtualnetworklinks":
            network = str((properties.get("virtualNetwork") or {}).get("id", "")).rsplit("/", 1)[-1]
            return f"link of zone {parts[-3]} to {network}"
        case "privateendpointconnections":
            state = (properties.get("privateLinkServiceConnectionState") or {}).get("status", "")
            return f"connection {name}{f' to {state}' if state else ''}"
        case "privatednszonegroups":
            return name
        case "vaults":
            return f"vault {name}, public network access {properties.get('publicNetworkAccess', 'unchanged')}"
        case "privateendpoints":
            return f"private endpoint {name}"
        case "virtualnetworks":
            return f"virtual network {name}"
        case "privatednszones":
            return f"private DNS zone {name}"
    return f"{kind} {name}"


def _tells(finding: Finding) -> str:
    rule, subject = finding.body["rule"], _name(str(finding.body["subject"]))
    verbs = " or ".join(str(option["verb"]) for option in finding.options)
    if not finding.is_open:
        return f"tells people: {rule} on {subject} is cleared"
    if finding.fix_state == "observe":
        return f"would repair: {rule} on {subject}, by {verbs}"
    if finding.fix_state:
        return f"tells people: {rule} on {subject}, repair {finding.fix_state}"
    return f"asks people: {rule} on {subject}, {verbs}?" if verbs else f"tells people: {rule} on {subject}"


def _reasons(finding: Finding) -> str:
    """What is wrong and, for a question, why kvguard does not settle it by itself."""
    blockers = {str(blocker) for option in finding.options for blocker in option["blockers"]}
    lines = [str(finding.body.get("message", "")), *(f"not by itself: {blocker}" for blocker in sorted(blockers))]
    return "\n".join(filter(None, lines))


def _name(resource: str) -> str:
    parts = short(resource).split("/")
    return f"zone group of {parts[-3]}" if "/privateDnsZoneGroups/" in resource else parts[-1]
