"""The same faults for kvguard and for Cloud Custodian's Azure handler, side by side: ``python -m bench.faults``.

Both get the same event about a vault in a local Azure that misbehaves in the same way. What happened is read from the
local Azure's request log; nothing is taken from what either program says of itself, but for the column that quotes it.
"""
