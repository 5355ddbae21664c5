"""Judges expectations by the request log, the state of Azure and the queues. The app is never asked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from tools.story import scenario as story
from tools.story.azure import GUARD, Json, Request, short
from tools.story.dns import look_up
from tools.story.scenario import Act, Expectation, Scenario
from tools.story.stage import Stage
from tools.story.storage import Finding
from tools.story.witness import Witness

_EXCERPT: Final = 12


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether something expected is the case. ``seen`` is what was found instead, or the proof."""

    ok: bool
    expected: str
    seen: str


class Checks:
    """The expectations of one act in one world. ``mark`` is where the act begins in the request log."""

    def __init__(self, world: Stage, scenario: Scenario, witness: Witness, act: Act, mark: int) -> None:
        self._world = world
        self._azure = world.azure
        self._scenario = scenario
        self._witness = witness
        self._act = act
        self._mark = mark
        self._before: dict[str, Json | None] = {}

    def remember(self) -> None:
        """Keep the resources that must not change, as they are now."""
        for expectation in self._act.expect:
            if isinstance(expectation, story.Unchanged):
                resource = self._id(expectation.resource)
                self._before[resource] = self._azure.read(resource)

    def judge(self, expectation: Expectation) -> Verdict:
        """Judge one expectation now."""
        match expectation:
            case story.Writes():
                return self._writes(expectation)
            case story.RecordIs():
                return self._record(expectation)
            case story.LinkIs():
                return self._link(expectation)
            case story.NoConnections():
                rows = self._azure.rows(f"{self._id(expectation.vault)}/privateEndpointConnections")
                seen = ", ".join(str(row["name"]) for row in rows) or "none"
                return Verdict(not rows, f"{_last(expectation.vault)} has no connection left", seen)
            case story.Unchanged():
                resource = self._id(expectation.resource)
                now, before = self._azure.read(resource), self._before.get(resource)
                seen = "the same" if now == before else f"{_text(before)} became {_text(now)}"
                return Verdict(now is not None and now == before, f"{_last(resource)} is unchanged", seen)
            case story.Resolves():
                return self.resolves(expectation.vault, expectation.network, expectation.answer)
            case story.Message():
                return self._message(expectation)
            case story.Silence():
                vault = self._id(expectation.vault).casefold()
                about = [f for f in self._witness.findings if str(f.body["vault"]).casefold() == vault]
                seen = "; ".join(map(str, about)) or "nothing"
                return Verdict(not about, f"nobody is told anything about {_last(vault)}", seen)
            case story.LookedTooEarly():
                return self._too_early(expectation)

    def resolves(self, vault: str, network: str, answer: str) -> Verdict:
        """Whether the vault's name gives this answer in the network, by the witness's own resolver."""
        found = look_up(self._azure, self._scenario.subscription, self._id(vault), self._id(network))
        expected = f"in {_last(network)} the name of {_last(vault)} gives {answer}"
        return Verdict(found.answer == answer, expected, "; ".join(found.lines))

    def looked(self, resource: str) -> Request | None:
        """kvguard's first question for a record after it was told of the act's endpoint.

        Either for the record itself, answered by 404, or for all records of its zone, whichever costs one call.
        """
        scope = f"{self._scenario.group_id(self._act.group)}/".casefold()
        told = [
            delivery.at
            for delivery in self._witness.deliveries
            if delivery.subject.casefold().startswith(scope) and _is_endpoint(delivery.subject)
        ]
        if not told:
            return None
        wanted = self._id(resource).casefold()
        questions = {(404, wanted), (200, wanted.rpartition("/")[0])}
        for entry in self._witness.since(self._mark):
            asked = entry.caller == GUARD and entry.method == "GET" and entry.at > min(told)
            if asked and (entry.status, entry.resource.casefold()) in questions:
                return entry
        return None

    def no_write(self) -> Verdict:
        """That kvguard has asked for no change since its world began, which is what ``observe`` promises."""
        writes = self._witness.writes()
        return Verdict(not writes, "kvguard writes nothing to Azure", excerpt(writes) or "no write")

    def same_plan(self, enforced: Iterable[Request]) -> Verdict:
        """That what kvguard proposes in this act is, name for name, what it did when it was allowed to."""
        wanted = {_performed(entry) for entry in enforced}
        groups = {step.group or self._act.group for step in self._act.steps}
        scopes = tuple(f"{self._scenario.group_id(group)}/".casefold() for group in groups)
        about = [f for f in self._witness.findings if str(f.body["vault"]).casefold().startswith(scopes)]
        found = proposals(about)
        named = ", ".join(sorted(f"{verb} {_last(target)}" for verb, target in wanted)) or "no change"
        seen = ", ".join(sorted(f"{verb} {target}" for verb, target in found)) or "no change"
        return Verdict(found == wanted, f"the same plan as in enforce: {named}", seen)

    def _writes(self, expectation: story.Writes) -> Verdict:
        writes = self._witness.writes(self._mark)
        wanted = [(write.method, self._id(write.resource)) for write in expectation.exactly]
        same = len(wanted) == len(writes) and all(
            entry.method == method
            and entry.status < 400
            and fnmatchcase(entry.resource.casefold(), resource.casefold())
            for entry, (method, resource) in zip(writes, wanted, strict=True)
        )
        named = ", then ".join(f"{method} {_last(resource)}" for method, resource in wanted)
        expected = f"kvguard's only writes are {named}" if named else "kvguard writes nothing"
        return Verdict(same, expected, excerpt(writes) or "no write by kvguard")

    def _record(self, expectation: story.RecordIs) -> Verdict:
        name = _last(expectation.resource)
        addresses = ", ".join(expectation.addresses)
        marks = "".join(f", {key}: {value}" for key, value in expectation.metadata.items())
        expected = f"record {name} is {addresses}, TTL {expectation.ttl} s{marks}"
        record = self._azure.read(self._id(expectation.resource))
        if record is None:
            return Verdict(False, expected, "no such record")
        properties = record["properties"]
        metadata = properties.get("metadata") or {}
        found = sorted(str(row["ipv4Address"]) for row in properties.get("aRecords") or [])
        ok = (
            found == sorted(expectation.addresses)
            and properties["ttl"] == expectation.ttl
            and all(fnmatchcase(metadata.get(key, ""), value) for key, value in expectation.metadata.items())
        )
        return Verdict(ok, expected, f"{', '.join(found)}, TTL {properties['ttl']} s, {_text(metadata)}")

    def _link(self, expectation: story.LinkIs) -> Verdict:
        network = self._id(expectation.network)
        rows = self._azure.rows(f"{self._scenario.id(self._act.group, 'zone')}/virtualNetworkLinks")
        ok = any(
            str(row["properties"]["virtualNetwork"]["id"]).casefold() == network.casefold()
            and row["properties"].get("virtualNetworkLinkState") == "Completed"
            and row["properties"].get("registrationEnabled") is False
            for row in rows
        )
        seen = "; ".join(f"{row['name']}: {_text(row['properties'])}" for row in rows) or "no link"
        return Verdict(ok, f"the zone is linked to {_last(network)}, without auto-registration", seen)

    def _message(self, expectation: story.Message) -> Verdict:
        subject = self._id(expectation.subject).casefold()
        about = [
            finding
            for finding in self._witness.findings
            if finding.body["rule"] == expectation.rule and str(finding.body["subject"]).casefold() == subject
        ]
        ok = bool(about) and _says(about[-1], expectation)
        prepared = " or ".join(expectation.options) or "no prepared change"
        expected = f"kvguard-findings holds {expectation.rule} on {_last(subject)}, open, offering {prepared}"
        seen = f"{about[-1]}: {_text(about[-1].body)}" if about else "no message about it"
        return Verdict(ok, expected, seen)

    def _too_early(self, expectation: story.LookedTooEarly) -> Verdict:
        endpoint = self._id(expectation.endpoint)
        told = [d for d in self._witness.deliveries if d.subject.casefold() == endpoint.casefold()]
        looked = self.looked(expectation.record)
        group = f"{endpoint}/privateDnsZoneGroups/".casefold()
        asked = [e for e in self._witness.since(self._mark) if e.resource.casefold().startswith(group) and e.is_write]
        ok = bool(
            told
            and looked
            and asked
            and min(delivery.at for delivery in told) < looked.at < asked[0].at
            and self._azure.read(self._id(expectation.record)) is not None
        )
        seen = (
            f"events delivered: {', '.join(f'{d.at:%H:%M:%S.%f}' for d in told) or 'none'}; looked in vain: "
            f"{looked.at if looked else 'never'}; zone group written: {asked[0].at if asked else 'never'}"
        )
        return Verdict(ok, "the event came, and kvguard looked, before the record was there", seen)

    def _id(self, reference: str) -> str:
        return reference if reference.startswith("/") else self._scenario.id(self._act.group, reference)


def proposals(findings: Iterable[Finding]) -> set[tuple[str, str]]:
    """Verb and target of the changes that the messages say were planned and, in ``observe``, not made."""
    return {
        (str(option["verb"]), _nameable(str(option["target"])))
        for finding in findings
        if finding.is_open and finding.fix_state == "observe"
        for option in finding.options
        if option["applicability"] == "safe"
    }


def performed(requests: Iterable[Request]) -> set[tuple[str, str]]:
    """Verb and target of the changes that the request log shows."""
    return {_performed(entry) for entry in requests}


def excerpt(requests: list[Request]) -> str:
    """The last entries of a log, one per line."""
    return "\n".join(map(str, requests[-_EXCERPT:]))


def _performed(entry: Request) -> tuple[str, str]:
    kind = entry.resource.split("/")[-2].casefold()
    target = _nameable(entry.resource)
    match kind, entry.method:
        case "a", "PUT":
            return ("create-record" if entry.preconditions.get("if-none-match") == "*" else "update-record", target)
        case "virtualnetworklinks", "PUT":
            return ("create-link", target)
        case "privateendpointconnections", "DELETE":
            return ("delete-connection", target)
    return (f"{entry.method} {kind}", target)


def _nameable(resource: str) -> str:
    """An id that two worlds have in common: lower case, without the random part of a connection's name."""
    return short(resource.casefold())


def _says(finding: Finding, expectation: story.Message) -> bool:
    verbs = {str(option["verb"]) for option in finding.options}
    # Azure spells names in ids as it likes.
    text = json.dumps(dict(finding.body), ensure_ascii=False).casefold()
    return (
        finding.is_open
        and not finding.fix_state
        and verbs == set(expectation.options)
        and all(words.casefold() in text for words in expectation.words)
    )


def _last(reference: str) -> str:
    return reference.rsplit("/", 1)[-1]


def _text(value: Mapping[str, object] | None) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)[:600]


def _is_endpoint(resource: str) -> bool:
    """Whether a resource id is that of a private endpoint itself."""
    return resource.casefold().rpartition("/")[0].endswith("/privateendpoints")
