"""The VAULT of a command, and what a command does when it cannot answer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Annotated, NoReturn

import typer

from shared import bootstrap
from shared.bootstrap import SettingsError
from shared.domain.arm_id import VAULT, ArmId, InvalidArmId, is_resource_group, is_subscription, is_vault_name
from shared.reporting.text import plain
from shared.service.explain import NoSuchNetwork
from shared.service.inquiry import Inquiry
from shared.service.ports import EstateError, EstateNoLogin
from shared.service.question import WrongQuestion

_LINE = 2048
_SHOWN = 200


class Format(Enum):
    """How data is printed."""

    TEXT = "text"
    JSON = "json"


VaultArgument = Annotated[
    str, typer.Argument(metavar="VAULT", help="Resource id, SUBSCRIPTION/GROUP/NAME, or the name alone.")
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print it.")]


def open_inquiry(text: str) -> tuple[Inquiry, ArmId]:
    """The vault that the text names, and what answers questions about it; a name alone is looked up in Azure."""
    vault = _parsed(text)
    if vault is not None:
        return bootstrap.inquiry(os.environ, vault.subscription), vault
    if not is_vault_name(text):
        stop(f"{plain(text, _SHOWN)} is neither the resource id of a vault, SUBSCRIPTION/GROUP/NAME nor a vault's name")
    inquiry = bootstrap.inquiry(os.environ)
    if not inquiry.watches:
        stop("a vault's name alone needs KVGUARD_SUBSCRIPTIONS: the subscriptions to look in")
    found = inquiry.named(text)
    if not found:
        stop(f"no vault {text} in the subscriptions of KVGUARD_SUBSCRIPTIONS")
    if len(found) > 1:
        stop(f"{text} is ambiguous: {', '.join(vault.text for vault in found)}")
    return inquiry, found[0]


@contextmanager
def answering() -> Iterator[None]:
    """Say in one line, with exit code 2, why a question could not be answered."""
    try:
        yield
    except SettingsError as error:
        stop("; ".join(error.problems))
    except WrongQuestion as error:
        stop(f"--{error}")
    except NoSuchNetwork:
        stop("no such virtual network")
    except EstateNoLogin as error:
        stop(f"{error}: log in first, such as with az login")
    except EstateError as error:
        stop(str(error))


def gone(vault: ArmId) -> NoReturn:
    """The vault does not exist."""
    stop(f"there is no vault {vault.text}")


def stop(problem: str) -> NoReturn:
    """End with 2 and one line."""
    typer.echo(plain(problem, _LINE), err=True)
    raise typer.Exit(2)


def _parsed(text: str) -> ArmId | None:
    parts = text.split("/")
    try:
        if len(parts) == 3 and is_subscription(parts[0]) and is_resource_group(parts[1]) and is_vault_name(parts[2]):
            return ArmId.of(parts[0], parts[1], VAULT, parts[2])
        found = ArmId.parse(text)
    except InvalidArmId:
        return None
    return found if found.is_a(VAULT) and is_vault_name(found.name) else None
