"""The questions that people ask about a vault, parsed: who calls, from where, in which networks.

The same words over HTTP and at the terminal. What is wrong is said with the name of the parameter and what is allowed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from shared.domain.access import Caller, CallerKind
from shared.domain.arm_id import NETWORK, SUBNET, ArmId, InvalidArmId, is_subscription
from shared.domain.ip_ranges import Range, holds_no_client, is_private, within
from shared.engine.permissions import is_operation, operations
from shared.reporting.text import plain

MOST_NETWORKS: Final = 20
CALLER_PARAMETERS: Final = ("from", "address", "network", "subnet", "service", "principal", "operation")
RESOLVE_PARAMETERS: Final = ("network",)

_LONGEST: Final = 2048
_SHOWN: Final = 60
_SERVICE_NAME: Final = 100
# Carrier NAT and what Azure allows inside networks; nobody on the internet has it, somebody in a network may.
_SHARED: Final = (Range("100.64.0.0/10"),)


class WrongQuestion(ValueError):
    """A parameter that cannot be used. ``parameter`` is its name; the text says what is allowed."""

    def __init__(self, parameter: str, text: str) -> None:
        super().__init__(f"{parameter}: {text}")
        self.parameter = parameter


def caller_of(parameters: Mapping[str, str]) -> Caller:
    """The caller whom the parameters describe. Raises WrongQuestion."""
    given = _given(parameters, CALLER_PARAMETERS)
    kind = _kind(given.get("from", ""))
    network, subnet = _place(given)
    caller = Caller(
        kind,
        _address(given.get("address", "")),
        network,
        subnet,
        _service(given.get("service", "")),
        _principal(given.get("principal", "")),
        _operation(given.get("operation", "")),
    )
    _fits(caller)
    return caller


def networks_of(parameters: Mapping[str, Sequence[str]]) -> tuple[ArmId, ...]:
    """The networks that were named, each once; none means all that matter. Raises WrongQuestion."""
    _given({name: ",".join(values)[:_LONGEST] for name, values in parameters.items()}, RESOLVE_PARAMETERS)
    texts = parameters.get("network", ())
    found = tuple(dict.fromkeys(_resource("network", text, NETWORK) for text in texts))
    if len(found) > MOST_NETWORKS:
        raise WrongQuestion("network", f"at most {MOST_NETWORKS} networks in one question")
    return found


def _given(parameters: Mapping[str, str], allowed: Collection[str]) -> dict[str, str]:
    for name, value in parameters.items():
        if name not in allowed:
            raise WrongQuestion(plain(name, _SHOWN), f"no such parameter; there are {', '.join(allowed)}")
        if len(value) > _LONGEST:
            raise WrongQuestion(name, f"longer than {_LONGEST} characters")
    return {name: value for name, value in parameters.items() if value}


def _kind(text: str) -> CallerKind:
    allowed = ", ".join(kind.value for kind in CallerKind)
    if not text:
        raise WrongQuestion("from", f"is missing; one of {allowed}")
    found = next((kind for kind in CallerKind if kind.value == text.lower()), None)
    if found is None:
        raise WrongQuestion("from", f"{_quoted(text)} is none of {allowed}")
    return found


def _address(text: str) -> str:
    if not text:
        return ""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        raise WrongQuestion("address", f"{_quoted(text)} is no IPv4 address such as 203.0.113.7") from None
    if isinstance(found, ipaddress.IPv6Address):
        raise WrongQuestion("address", "IPv4 only: a vault's firewall and private endpoints know no IPv6 address")
    block = Range(found)
    if holds_no_client(block) and not within(block, _SHARED):
        raise WrongQuestion("address", f"no client calls from {found}")
    return str(found)


def _place(given: Mapping[str, str]) -> tuple[ArmId | None, ArmId | None]:
    """The network and the subnet; a subnet's id names its network, and a subnet's name needs one."""
    network = _resource("network", given["network"], NETWORK) if "network" in given else None
    text = given.get("subnet", "")
    if not text:
        return network, None
    if "/" not in text:
        if network is None:
            raise WrongQuestion("subnet", "the name of a subnet needs its network; or give the subnet's resource id")
        text = f"{network.text}/subnets/{text}"
    subnet = _resource("subnet", text, SUBNET)
    if network is not None and subnet.parent != network:
        raise WrongQuestion("subnet", "lies in another network than the one that was named")
    return subnet.parent, subnet


def _resource(parameter: str, text: str, kind: str) -> ArmId:
    try:
        found = ArmId.parse(text)
    except InvalidArmId:
        found = None
    if found is None or not found.is_a(kind) or any(set(name) == {"."} for name in found.names):
        raise WrongQuestion(parameter, f"{_quoted(text)} is no resource id of type {kind}")
    return found


def _service(text: str) -> str:
    if len(text) > _SERVICE_NAME or not text.isprintable():
        raise WrongQuestion("service", f"the name of an Azure service, at most {_SERVICE_NAME} printable characters")
    return text


def _principal(text: str) -> str:
    if text and not is_subscription(text):
        raise WrongQuestion("principal", f"{_quoted(text)} is no object id (a GUID) of a user, group or identity")
    return text.lower()


def _operation(text: str) -> str:
    if text and not (text.isascii() and is_operation(text)):
        raise WrongQuestion("operation", f"{_quoted(text)} is none of {', '.join(operations())}")
    return text.lower()


def _fits(caller: Caller) -> None:
    """Whether the parameters go together. Raises WrongQuestion."""
    kind = caller.kind
    if kind is CallerKind.NETWORK and caller.network is None:
        raise WrongQuestion("network", "is missing: the resource id of the caller's virtual network")
    if kind is CallerKind.INTERNET and caller.network is not None:
        raise WrongQuestion("network", "a caller in a virtual network is from=network")
    if kind is CallerKind.SERVICE and not caller.service and caller.network is None:
        raise WrongQuestion("service", "is missing: the name of an Azure service, such as Azure Backup")
    if kind is not CallerKind.SERVICE and caller.service:
        raise WrongQuestion("service", "goes with from=service only")
    if kind is CallerKind.CLOUD_SHELL and caller.address:
        raise WrongQuestion("address", "Cloud Shell has no address of its own; name its network if it is in one")
    if kind is CallerKind.SERVICE and caller.address and is_private(Range(caller.address)) and caller.network is None:
        raise WrongQuestion("address", "a service with a private address needs its network")
    if bool(caller.principal) != bool(caller.operation):
        missing = "operation" if caller.principal else "principal"
        raise WrongQuestion(missing, "principal and operation go together")


def _quoted(text: str) -> str:
    return f"'{plain(text, _SHOWN)}'"
