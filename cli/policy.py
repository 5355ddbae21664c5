"""``kvguard policy``: a policy file checked, its JSON Schema, and what a policy means for one vault."""

from __future__ import annotations

import json
import os
from enum import Enum
from typing import Annotated, NoReturn

import typer

from shared import bootstrap
from shared.bootstrap import SettingsError
from shared.domain.arm_id import VAULT, ArmId, InvalidArmId, is_resource_group, is_subscription, is_vault_name
from shared.reporting.effective import effective_json, effective_table
from shared.reporting.text import plain
from shared.service.ports import EstateError

_LINE = 2048

policy = typer.Typer(
    name="policy",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Check a policy file, and see what it means for a vault.",
)


class Format(Enum):
    """How data is printed."""

    TABLE = "table"
    JSON = "json"


@policy.command(name="validate", short_help="Say everything that is wrong with a policy file.")
def validate(file: Annotated[str, typer.Argument(metavar="FILE", help="The policy file.")]) -> None:
    """Print one line for each problem: the file, the place in it, what is wrong.

    Zone names are those of the cloud in KVGUARD_CLOUD (AzureCloud without it). Exit 0: the policy is usable; 1: it is
    not; 2: the file could not be read.
    """
    name = plain(file, _LINE)
    try:
        problems = bootstrap.policy_problems(os.environ, file)
    except SettingsError as error:
        _stop("; ".join(error.problems))
    except EstateError as error:
        _stop(plain(str(error), _LINE))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        _stop(f"{name} could not be read: {reason}")
    for problem in problems:
        typer.echo(f"{name}: {plain(problem, _LINE)}")
    typer.echo(f"{name}: {_count(len(problems))}", err=True)
    raise typer.Exit(1 if problems else 0)


@policy.command(name="schema", short_help="Print the JSON Schema of the policy file.")
def schema() -> None:
    """Print the JSON Schema of the policy file, for an editor or a pipeline."""
    typer.echo(json.dumps(bootstrap.policy_schema(), indent=2))


@policy.command(name="show", short_help="Show what the policy means for one vault.")
def show(
    vault: Annotated[str, typer.Argument(metavar="VAULT", help="Resource id, or SUBSCRIPTION/GROUP/NAME.")],
    file: Annotated[str, typer.Option("--policy", metavar="FILE", help="This file, not KVGUARD_POLICY.")] = "",
    form: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.TABLE,
) -> None:
    """Print each value that holds for the vault with its origin: default, policy, a scope, a tag or a rule's ceiling.

    Azure is asked only where the policy lets the vault's tag kvguard-profile decide, with your own login. Exit 0: the
    policy is usable; 1: it is not, so nothing is changed; 2: it could not be completed.
    """
    wanted = _vault(vault)
    if wanted is None:
        _stop(f"{plain(vault, 200)} is neither the resource id of a vault nor SUBSCRIPTION/GROUP/NAME")
    try:
        view = bootstrap.policy_view(os.environ, file).show(wanted)
    except SettingsError as error:
        _stop("; ".join(error.problems))
    except EstateError as error:
        _stop(plain(str(error), _LINE))
    typer.echo(effective_json(view) if form is Format.JSON else effective_table(view))
    raise typer.Exit(1 if view.unusable else 0)


def _vault(text: str) -> ArmId | None:
    parts = text.split("/")
    try:
        if len(parts) == 3 and is_subscription(parts[0]) and is_resource_group(parts[1]) and is_vault_name(parts[2]):
            return ArmId.of(parts[0], parts[1], VAULT, parts[2])
        found = ArmId.parse(text)
    except InvalidArmId:
        return None
    return found if found.is_a(VAULT) and is_vault_name(found.name) else None


def _count(problems: int) -> str:
    if not problems:
        return "the policy is usable"
    return "1 problem; the policy is not usable" if problems == 1 else f"{problems} problems; the policy is not usable"


def _stop(problem: str) -> NoReturn:
    typer.echo(problem, err=True)
    raise typer.Exit(2)
