"""A development host for Azure Functions apps in Python: what `func start` does, where Core Tools cannot be
had.

Loads any app by path, uses azure-functions' own converters, and keeps the trigger semantics of the real host.
Several processes can be instances of one app on one storage account. It is an emulator: scaling by itself, function
time-outs, retry policies and identity-based connections are not here.
"""

from emulator.host.fleet import HostFleet
from emulator.host.host import FunctionsHost
from emulator.host.index import IndexingError
from emulator.host.invocations import Invocation, InvocationLog, InvocationStatus
from emulator.host.process import HostFailedError, HostProcess
from emulator.host.records import InvocationRecord, read_invocations
from emulator.host.settings import HostSettingsError

__all__ = [
    "FunctionsHost",
    "HostFailedError",
    "HostFleet",
    "HostProcess",
    "HostSettingsError",
    "IndexingError",
    "Invocation",
    "InvocationLog",
    "InvocationRecord",
    "InvocationStatus",
    "read_invocations",
]
