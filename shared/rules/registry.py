"""The rules of the product, in the order of their ids: an explicit tuple, so that a missing one is seen."""

from __future__ import annotations

from typing import Final

from shared.domain.rule import Rule
from shared.rules import (
    kvg101_public_access_open,
    kvg201_pending_connection,
    kvg202_dead_connection,
    kvg204_no_effective_connection,
    kvg403_network_not_linked,
    kvg411_missing_a_record,
    kvg412_wrong_a_record,
    kvg413_ttl_out_of_range,
    kvg901_part_unread,
    kvg903_fix_refused,
    kvg904_policy_or_exemption_unusable,
)

RULES: Final[tuple[Rule, ...]] = (
    kvg101_public_access_open.RULE,
    kvg201_pending_connection.RULE,
    kvg202_dead_connection.RULE,
    kvg204_no_effective_connection.RULE,
    kvg403_network_not_linked.RULE,
    kvg411_missing_a_record.RULE,
    kvg412_wrong_a_record.RULE,
    kvg413_ttl_out_of_range.RULE,
    kvg901_part_unread.RULE,
    kvg903_fix_refused.RULE,
    kvg904_policy_or_exemption_unusable.RULE,
)
