"""Many questions at once: the guard's own reads of Azure come first, and what is asked decides how often Azure is."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.arm_errors import ArmThrottled
from shared.adapters.arm_pace import Pace
from shared.domain.access import CallerKind
from shared.domain.arm_id import NETWORK, ArmId
from shared.domain.policy import Policy
from shared.domain.reading import Gone, Part
from shared.domain.snapshot import VaultSnapshot
from shared.rules.registry import RULES
from shared.service.answer_explain import ExplainDesk
from shared.service.explain import Explainer
from shared.service.ports import Deadline
from shared.service.question import CALLER_PARAMETERS, WrongQuestion, caller_of, networks_of
from tests.builders import FOREIGN, SUBSCRIPTION, healthy, network_id
from tests.service.world import FakeClock, FakePolicies

READS_LEFT = "x-ms-ratelimit-remaining-subscription-reads"
# A look at a vault in these tests.
READS = 6
PATH = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.KeyVault/vaults"
ASKED = {"from": "internet", "address": "203.0.113.7"}
ELSEWHERE = ArmId.of(FOREIGN, "rg-net", NETWORK, "vnet-far")


@dataclass
class Azure:
    """One vault and what is left of Azure's buckets; ``calls`` is what was read."""

    pace: Pace
    truth: VaultSnapshot = field(default_factory=lambda: healthy().snapshot)
    calls: list[str] = field(default_factory=list)

    def spare(self, vault: ArmId) -> None:
        wait = self.pace.spare(vault.subscription)
        if wait > 0:
            raise ArmThrottled("no room to spare", retry_after=wait)

    def read(
        self, vault: ArmId, *, deadline: Deadline, parts: frozenset[Part] = frozenset(), fresh: bool = False
    ) -> VaultSnapshot | Gone:
        self.calls.append("read")
        for _ in range(READS):
            self.pace.answered(PATH, {})
        return self.truth if vault == self.truth.vault.id else Gone()

    def deepen(self, snapshot: VaultSnapshot, *, deadline: Deadline, parts: frozenset[Part]) -> VaultSnapshot:
        self.calls.append("deepen")
        return snapshot

    def with_networks(self, snapshot: VaultSnapshot, networks: Iterable[ArmId], *, deadline: Deadline) -> VaultSnapshot:
        self.calls += [network.text for network in networks]
        return snapshot


def desk(azure: Azure) -> ExplainDesk:
    watched = frozenset({SUBSCRIPTION})
    explainer = Explainer(azure, FakePolicies(Policy()), RULES, watched)
    return ExplainDesk(explainer, FakeClock(), watched)


def paced(left: int) -> Azure:
    pace = Pace(lambda: 100.0)
    pace.answered(PATH, {READS_LEFT: str(left)})
    return Azure(pace)


@pytest.mark.parametrize("left", [0, 5, 20])
def test_a_question_waits_where_the_guard_still_works(left: int) -> None:
    azure = paced(left)
    for reply in (
        desk(azure).explain(SUBSCRIPTION, "rg-app", "contoso", ASKED),
        desk(azure).resolve(SUBSCRIPTION, "rg-app", "contoso", {}),
    ):
        assert reply.status == 503
        assert int(reply.headers["Retry-After"]) >= 1
        assert json.loads(reply.body)["title"] == "Azure is unavailable"
    assert azure.calls == []
    assert (azure.pace.admit(SUBSCRIPTION, "work") == 0) is (left >= 6)


def test_a_flood_of_questions_leaves_room_and_pushes_nobody_back() -> None:
    azure = paced(100)
    answers = [desk(azure).explain(SUBSCRIPTION, "rg-app", "contoso", ASKED).status for _ in range(300)]
    assert answers[0] == 200
    assert answers[-1] == 503
    assert answers.count(200) == len(azure.calls) < 100 / READS
    assert azure.pace.admit(SUBSCRIPTION, "work of the guard") == 0
    empty = paced(0)
    before = paced(0).pace.admit(SUBSCRIPTION, "work")
    for _ in range(300):
        desk(empty).explain(SUBSCRIPTION, "rg-app", "contoso", ASKED)
    assert empty.pace.admit(SUBSCRIPTION, "work") == before


def test_what_is_not_there_and_what_is_not_watched_cost_the_same() -> None:
    azure = Azure(Pace(lambda: 0.0))
    asked = {"from": "network", "network": ELSEWHERE.text}
    there = desk(azure).explain(SUBSCRIPTION, "rg-app", "contoso", asked)
    nowhere = desk(azure).explain(SUBSCRIPTION, "rg-app", "no-such-vault", asked)
    assert (there.status, there.body) == (nowhere.status, nowhere.body)
    assert there.status == 404
    assert azure.calls == []


@pytest.mark.parametrize(
    "address",
    [
        "0x7f.1", "010.0.0.1", "1.2.3", "1.2.3.4.5", "3221225985", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4\n", "1.2.3.4\x00",
        "1.2.3.256", "+1.2.3.4", "1.2.3.-4", "1.2.3.4/32", "1.2.3.4%25", "\u0661.2.3.4", "\uff11.2.3.4", "1\u30022.3.4",
        "::ffff:1.2.3.4", "fe80::1%eth0", "255.255.255.255", "0.0.0.0", "224.0.0.1", "1" * 2000,
    ],
)  # fmt: skip
def test_only_plain_ipv4_is_an_address(address: str) -> None:
    with pytest.raises(WrongQuestion, match=r"^address: "):
        caller_of({"from": "internet", "address": address})


@pytest.mark.parametrize(
    "operation", ["\u017fecrets/get", "secrets/get\n", "secrets//get", "keys/s\u0131gn", "secrets"]
)
def test_only_plain_words_are_an_operation(operation: str) -> None:
    with pytest.raises(WrongQuestion, match=r"^operation: "):
        caller_of({"from": "portal", "principal": FOREIGN, "operation": operation})


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(
    st.dictionaries(
        st.sampled_from([*CALLER_PARAMETERS, "From", "x"]),
        st.one_of(
            st.sampled_from([*(kind.value for kind in CallerKind), network_id().text, "subnet", "1.2.3.4", FOREIGN]),
            st.text(max_size=50),
        ),
    )
)
def test_every_question_is_understood_or_named_wrong(parameters: dict[str, str]) -> None:
    said, caller = "", None
    try:
        caller = caller_of(parameters)
    except WrongQuestion as error:
        said = str(error)
    if caller is None:
        assert 0 < len(said) < 500
        assert not {unicodedata.category(letter) for letter in said} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    else:
        assert caller.kind.value == parameters["from"].lower()
        assert caller.operation.isascii()


@pytest.mark.parametrize(
    "text", ["", ",", f"{network_id().text},", "x" * 3000, f"{network_id().text}/subnets/a", "\ud800"]
)
def test_a_list_of_networks_with_a_hole_is_wrong(text: str) -> None:
    with pytest.raises(WrongQuestion, match=r"^network: "):
        networks_of({"network": text.split(",")})
