"""Perimeter associations are written at the perimeter and shown by the vault."""

from __future__ import annotations

import pytest

from emulator.azure import LocalAzure
from tests.emulator.arm.client import ArmClient
from tests.emulator.arm.estate import GROUP, VAULT, Estate

PERIMETER = f"{GROUP}/providers/Microsoft.Network/networkSecurityPerimeters/nsp"
ASSOCIATION = f"{PERIMETER}/resourceAssociations/to-vault"
CONFIGURATIONS = f"{VAULT}/networkSecurityPerimeterConfigurations"


def association(mode: str) -> dict[str, object]:
    return {"properties": {"privateLinkResource": {"id": VAULT}, "accessMode": mode}}


def test_a_vault_shows_the_associations_that_hold_it(azure: LocalAzure) -> None:
    Estate(azure).vault()
    client = ArmClient(azure)
    assert client.get(CONFIGURATIONS).json()["value"] == []
    assert client.put(PERIMETER, {"location": "westeurope"}).status_code == 201
    assert client.put(ASSOCIATION, association("Learning")).status_code == 201
    assert client.put(ASSOCIATION, association("Enforced")).status_code == 200
    (shown,) = client.get(CONFIGURATIONS).json()["value"]
    assert shown["properties"]["resourceAssociation"] == {"name": "to-vault", "accessMode": "Enforced"}
    assert shown["properties"]["networkSecurityPerimeter"]["id"] == PERIMETER
    assert client.call("DELETE", PERIMETER).status_code == 200
    assert client.get(CONFIGURATIONS).json()["value"] == []


@pytest.mark.parametrize("mode", ["", "Open", None])
def test_an_unknown_access_mode_is_refused(azure: LocalAzure, mode: str) -> None:
    Estate(azure).vault()
    client = ArmClient(azure)
    client.put(PERIMETER, {"location": "westeurope"})
    assert client.put(ASSOCIATION, association(mode)).status_code == 400


def test_an_absent_vault_has_no_configurations(azure: LocalAzure) -> None:
    Estate(azure).group()
    assert ArmClient(azure).get(CONFIGURATIONS).status_code == 404
