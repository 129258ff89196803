"""All groups of faults, in their order. `is_short`: belongs to ./check. `is_timed`: measures a recovery time, so it is run alone."""

from typing import Callable, NamedTuple

import destination_faults as destination
import forgeries


class Group(NamedTuple):
    name: str
    run: Callable
    is_short: bool = False
    is_timed: bool = False


GROUPS = (
    Group("forgeries", forgeries.forgeries, True),
    Group("living-forgeries", forgeries.living_forgeries, True),
    Group("F01-down", destination.down, True),
    *(Group(f"F02-{action}", destination.cells(action), action in ("exit", "garbage")) for action in destination.ACTIONS),
    Group("F03-lost-reply", destination.lost_reply, True),
    Group("F05-black-hole", destination.black_hole),
    Group("F06-full-queue", destination.full_queue),
    Group("F07-slow", destination.slow),
    Group("F08-zero-window", destination.zero_window),
    Group("F10-hostile-replies", destination.hostile_replies, True),
    Group("F11-busy", destination.busy, True),
    Group("F12-flapping", destination.flapping),
    Group("F13-member-hangs", destination.member_hangs),
)
