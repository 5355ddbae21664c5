"""How long calls to storage may take: three seconds to connect, five to read, few and quick retries by the SDK itself.

A storage that does not answer at all costs ten to eleven seconds, within the fifteen that an invocation may last.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

_TIMEOUTS: Final = {"connection_timeout": 3, "read_timeout": 5, "logging_enable": False}
# Tables follow azure-core's retry policy; its ``timeout`` is the time in all after which no further try begins.
TABLE_OPTIONS: Final[Mapping[str, Any]] = MappingProxyType(
    {**_TIMEOUTS, "retry_total": 2, "retry_backoff_factor": 0.2, "retry_backoff_max": 0.5, "timeout": 6}
)
# Queues and blobs have a retry policy of their own, which waits whole seconds: here it does not wait.
STORAGE_OPTIONS: Final[Mapping[str, Any]] = MappingProxyType(
    {**_TIMEOUTS, "retry_total": 1, "initial_backoff": 0, "increment_base": 0, "random_jitter_range": 0}
)
