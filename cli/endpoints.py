"""``kvguard endpoints``: what a client of a vault must reach through a firewall, by cloud and by what it does."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Annotated, Final, NoReturn

import typer

from shared import bootstrap
from shared.bootstrap import SettingsError
from shared.domain.arm_id import is_vault_name
from shared.domain.clouds import CLOSED_CLOUDS, CLOUDS, CUSTOM, Cloud
from shared.domain.clouds import endpoints as needed
from shared.domain.grades import ClientRole
from shared.reporting.endpoints import ANY_VAULT, endpoints_json, endpoints_table
from shared.reporting.text import plain
from shared.service.ports import EstateError

_LINE: Final = 2048
_ROLES: Final = {role.value: role for role in ClientRole}
_FORMATS: Final = {"table": endpoints_table, "json": endpoints_json}


def endpoints(
    cloud: Annotated[str, typer.Option("--cloud", metavar="NAME", help="This cloud, not KVGUARD_CLOUD.")] = "",
    role: Annotated[
        str, typer.Option("--role", metavar="|".join(_ROLES), help="What the client does.")
    ] = ClientRole.BOTH.value,
    vault: Annotated[str, typer.Option("--vault", metavar="NAME", help="Name the vault in the list.")] = "",
    form: Annotated[str, typer.Option("--format", metavar="|".join(_FORMATS), help="How to print it.")] = "table",
) -> None:
    """Print each host with its port and protocol, what it is needed for, its service tag, and who says so.

    A cloud of Azure is known without asking anybody. Of cloud custom, the public metadata of KVGUARD_ARM_ENDPOINT is
    read, without a login. Exit 0: the list is complete; 1: the hosts of some service are not known; 2: not completed.
    """
    wanted, shown = _ROLES.get(role), _FORMATS.get(form)
    if wanted is None:
        _stop(f"--role must be {_either(_ROLES)}, not '{plain(role, 60)}'")
    if shown is None:
        _stop(f"--format must be {_either(_FORMATS)}, not '{plain(form, 60)}'")
    if vault and not is_vault_name(vault):
        _stop(f"'{plain(vault, 60)}' is not the name of a vault: 3 to 24 letters, digits and single hyphens")
    chosen = _cloud(cloud)
    listed = needed(chosen, wanted, vault or ANY_VAULT)
    typer.echo(shown(chosen, wanted, listed))
    raise typer.Exit(1 if listed.unknown else 0)


def _cloud(name: str) -> Cloud:
    if name in CLOUDS:
        return CLOUDS[name]
    if name in CLOSED_CLOUDS:
        _stop(CLOSED_CLOUDS[name])
    if name not in ("", CUSTOM):
        _stop(f"--cloud must be {_either((*sorted(CLOUDS), CUSTOM))}, not '{plain(name, 60)}'")
    try:
        return bootstrap.terminal_cloud({**os.environ, "KVGUARD_CLOUD": name} if name else os.environ)
    except SettingsError as error:
        _stop("; ".join(error.problems))
    except EstateError as error:
        _stop(plain(str(error), _LINE))


def _either(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}"


def _stop(problem: str) -> NoReturn:
    typer.echo(problem, err=True)
    raise typer.Exit(2)
