"""Reading loads nothing heavy: cold start is a feature."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from emulator.azure import LocalAzure
from tests.adapters.arm.bench import READER
from tests.emulator.arm.estate import VAULT, Estate

ROOT = Path(__file__).parents[3]
SCRIPT = """
import sys
from dataclasses import replace
from azure.core.credentials import AccessToken
from shared.adapters.arm_client import ArmClient
from shared.adapters.arm_reader import ArmReader
from shared.adapters.clock import SystemClock
from shared.domain.arm_id import ArmId
from shared.domain.clouds import AZURE_CLOUD
from shared.domain.policy import Policy
from shared.domain.reading import Part

class Given:
    def get_token(self, *scopes, **options):
        return AccessToken(sys.argv[3], 4102444800)
    def policy(self):
        return Policy()

clock = SystemClock()
cloud = replace(AZURE_CLOUD, arm_endpoint=sys.argv[1])
reader = ArmReader(ArmClient(cloud, Given()), cloud, Given(), frozenset(), clock)
vault = ArmId.parse(sys.argv[2])
snapshot = reader.read(vault, deadline=clock.deadline(10), parts=frozenset(Part))
print(snapshot.vault.name)
heavy = ("azure.mgmt.network", "azure.mgmt.keyvault", "azure.mgmt.privatedns", "azure.storage", "azure.data",
         "azure.identity", "azure.eventgrid", "aiohttp", "yaml", "jinja2")
print([name for name in heavy if name in sys.modules])
"""


def test_a_reading_imports_no_management_library(azure: LocalAzure, estate: Estate) -> None:
    estate.everything()
    token = azure.credential(READER).get_token("https://management.azure.com/.default").token
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, azure.url, VAULT, token],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["Kv-Orders", "[]"]
