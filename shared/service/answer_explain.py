"""What HTTP callers get to their questions: the explanation or the resolution as JSON, or a problem document."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shared.domain.access import Caller
from shared.domain.arm_id import ArmId
from shared.domain.reading import Gone
from shared.reporting.access import explanation_json
from shared.reporting.resolution import resolution_json
from shared.service.answer_http import INVOCATION_SECONDS, Reply, answered, refuse, vault_of
from shared.service.explain import Explainer, NoSuchNetwork
from shared.service.ports import Clock
from shared.service.question import WrongQuestion, caller_of, networks_of

# The function key may come as a parameter; it is none of the question.
_KEY = "code"


class ExplainDesk:
    """Answers ``GET vaults/.../explain`` and ``GET vaults/.../resolve`` for the watched subscriptions.

    Parameters come as Functions gives them: the values of a name that is repeated in one text, joined by commas.
    """

    def __init__(self, explainer: Explainer, clock: Clock, subscriptions: frozenset[str]) -> None:
        self._explainer = explainer
        self._clock = clock
        self._subscriptions = frozenset(subscription.lower() for subscription in subscriptions)

    def explain(self, subscription: str, group: str, name: str, parameters: Mapping[str, str]) -> Reply:
        """Whether a caller gets in: 400 names the parameter that cannot be used, 404 what is not there to be seen."""
        vault = vault_of(subscription, group, name, self._subscriptions)
        if isinstance(vault, Reply):
            return vault
        try:
            caller = caller_of(_asked(parameters))
        except WrongQuestion as error:
            return _wrong(error)
        return _answered(lambda: self._explained(vault, caller))

    def resolve(self, subscription: str, group: str, name: str, parameters: Mapping[str, str]) -> Reply:
        """What the vault's name resolves to; 400 and 404 as for ``explain``."""
        vault = vault_of(subscription, group, name, self._subscriptions)
        if isinstance(vault, Reply):
            return vault
        try:
            networks = networks_of({known: text.split(",") for known, text in _asked(parameters).items()})
        except WrongQuestion as error:
            return _wrong(error)
        return _answered(lambda: self._resolved(vault, networks))

    def _explained(self, vault: ArmId, caller: Caller) -> str | Gone:
        found = self._explainer.explain(vault, caller, self._clock.deadline(INVOCATION_SECONDS))
        return found if isinstance(found, Gone) else explanation_json(found)

    def _resolved(self, vault: ArmId, networks: tuple[ArmId, ...]) -> str | Gone:
        found = self._explainer.resolve(vault, networks, self._clock.deadline(INVOCATION_SECONDS))
        return found if isinstance(found, Gone) else resolution_json(found)


def _asked(parameters: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in parameters.items() if name != _KEY}


def _wrong(error: WrongQuestion) -> Reply:
    return refuse(400, "Not a question", str(error))


def _answered(ask: Callable[[], str | Gone]) -> Reply:
    try:
        return answered(ask)
    except NoSuchNetwork:
        return refuse(404, "Not found", "No such virtual network in the subscriptions that kvguard reads.")
