"""What a cold worker imports for an event and for a look at a healthy vault: nothing that it does not need."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from shared.domain.arm_id import ArmId
from shared.domain.message import Look
from shared.service.messages import encode
from tests.emulator.arm.estate import LINK, NETWORK, RECORD, VAULT, Estate, link_body, record_body
from tests.functions.installation import Installation

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    "azure.mgmt.network",
    "azure.mgmt.keyvault",
    "azure.mgmt.privatedns",
    "azure.storage.queue",
    "aiohttp",
    "typer",
    "rich",
    "cli",
)
SCRIPT = """
import json, sys
import azure.functions as func
import function_app

functions = {f.get_function_name(): f.get_user_function() for f in function_app.app.get_functions()}


class Out:
    value = None

    def set(self, value):
        self.value = value


out = Out()
event = func.EventGridEvent(
    id="1", topic="/", subject=sys.argv[1], event_type="Microsoft.Resources.ResourceWriteSuccess", event_time=None,
    data={"resourceUri": sys.argv[1], "status": "Succeeded"}, data_version="2",
)
functions["on_resource_change"](event, out)
after_event = sorted(sys.modules)
functions["reconcile_vault"](func.QueueMessage(body=sys.argv[2].encode()))
print(json.dumps({"hint": out.value, "after_event": after_event, "after_look": sorted(sys.modules)}))
"""


def test_an_event_and_a_look_at_a_healthy_vault_import_nothing_heavy(installation: Installation) -> None:
    estate = Estate(installation.azure)
    estate.endpoint()
    estate.zone()
    estate.put(VAULT, _closed(installation))
    address = _address(installation)
    estate.put(RECORD, record_body(address))
    estate.put(LINK, link_body(NETWORK))
    mark = installation.azure.log.mark()
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, VAULT, encode(Look(ArmId.parse(VAULT), "a test"))],
        cwd=ROOT,
        env={"PATH": "", **installation.settings()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    seen = json.loads(ran.stdout.splitlines()[-1])
    assert json.loads(seen["hint"])["resource"] == VAULT
    reads = installation.calls(mark)
    assert {verb for verb, _ in reads} == {"GET"}
    assert len(reads) <= 8, reads
    for module in HEAVY:
        assert module not in seen["after_look"]
    for module in ("azure.identity", "azure.data.tables", "yaml", "msgspec", "azure.core.pipeline"):
        assert module not in seen["after_event"]


def _closed(installation: Installation) -> dict[str, object]:
    sku = {"family": "A", "name": "standard"}
    properties = {
        "sku": sku,
        "tenantId": installation.azure.tenant,
        "publicNetworkAccess": "Disabled",
        "enableRbacAuthorization": True,
        "enablePurgeProtection": True,
    }
    return {"location": "westeurope", "properties": properties}


def _address(installation: Installation) -> str:
    (interface,) = installation.azure.seed("GET", _interfaces()).body["value"]
    return str(interface["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"])


def _interfaces() -> str:
    return f"{VAULT.split('/providers/')[0]}/providers/Microsoft.Network/networkInterfaces"
