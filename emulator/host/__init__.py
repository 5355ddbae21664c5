"""A development host for Azure Functions apps in Python: what `func start` does, where Core Tools cannot be
had.

Loads any app by path, uses azure-functions' own converters, and keeps the trigger semantics of the real host.
It is an emulator: scale-out, leases between instances, function time-outs and identity-based connections are
not here.
"""

from emulator.host.host import FunctionsHost
from emulator.host.index import IndexingError
from emulator.host.invocations import Invocation, InvocationLog, InvocationStatus
from emulator.host.process import HostFailedError, HostProcess
from emulator.host.settings import HostSettingsError

__all__ = [
    "FunctionsHost",
    "HostFailedError",
    "HostProcess",
    "HostSettingsError",
    "IndexingError",
    "Invocation",
    "InvocationLog",
    "InvocationStatus",
]
