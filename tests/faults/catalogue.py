"""All groups of faults, in their order. `is_short`: belongs to ./check. `is_timed`: measures a time, so it is run alone."""

from typing import Callable, NamedTuple

import client_faults as client
import destination_faults as destination
import forgeries
import integration_faults as integration
import kernel_faults as kernel
import operation_faults as operation
import process_faults as process
import store_faults as store


class Group(NamedTuple):
    name: str
    run: Callable
    is_short: bool = False
    is_timed: bool = False


GROUPS = (
    Group("forgeries", forgeries.forgeries, True),
    Group("living-forgeries", forgeries.living_forgeries, True),
    Group("F01-down", destination.down, True),
    *(Group(f"F02-{action}", destination.cells(action), action != "hang") for action in destination.ACTIONS),
    Group("F03-lost-reply", destination.lost_reply, True),
    Group("F05-black-hole", destination.black_hole),
    Group("F05-in-pieces", destination.in_pieces),
    Group("F05-cut-wire", destination.cut_wire),
    Group("F06-full-queue", destination.full_queue),
    Group("F07-slow", destination.slow),
    Group("F08-zero-window", destination.zero_window),
    Group("F10-hostile-replies", destination.hostile_replies, True),
    Group("F11-busy", destination.busy, True),
    Group("F12-flapping", destination.flapping),
    Group("F14-ports", kernel.ports_exhausted, True),
    Group("F25-full-state-disk", store.full_disk, True),
    Group("F25-killed-on-full-disk", store.killed_on_full_disk, True),
    Group("F26-full-log-disk", operation.full_log_disk),
    Group("F27-no-inodes", store.no_inodes, True),
    Group("F28-read-only", store.read_only),
    Group("F29-failing-calls", store.failing_calls),
    Group("F30-damaged", store.damaged),
    Group("F32-killed-few-times", store.killed_often(5, 0.8), is_short=True, is_timed=True),
    Group("F32-killed-often", store.killed_often(100, 1.9), is_timed=True),
    Group("F36-many-records", store.many_records, is_timed=True),
    Group("F37-slow-disk", store.slow_disk, is_timed=True),
    Group("F38-frozen-disk", store.frozen_disk),
    Group("F35-second-instance", process.second_instance, True),
    Group("F39-proxy-killed", process.proxy_killed, is_short=True, is_timed=True),
    Group("F39-under-load", process.proxy_killed_under_load, is_timed=True),
    Group("F40-others-killed", process.others_killed, is_short=True, is_timed=True),
    Group("F41-master-killed", process.master_killed),
    Group("F42-crashes", process.crashes, is_timed=True),
    Group("F43-hung", process.hung),
    Group("F44-crash-loop", integration.row("F44")),
    Group("F45-fork", kernel.fork_fails, True),
    Group("F47-broken-rules", integration.broken_rules),
    Group("F48-hostile-workers", integration.hostile_workers),
    Group("F51-descriptors", process.out_of_descriptors),
    Group("F52-starved", kernel.starved),
    Group("F54-denied-call", kernel.call_denied),
    Group("F55-logd-stuck", process.logd_stuck, is_timed=True),
    Group("F60-suspended", process.suspended),
    Group("F64-slow-loris", client.slow_loris, is_timed=True),
    Group("F65-idle", client.idle_connections, is_timed=True),
    Group("F67-resets", client.reset_storm, True, True),
    Group("F68-floods", client.floods, True, True),
    Group("F69-smuggling", integration.row("F69")),
    Group("F70-burst", client.burst, is_timed=True),
    Group("F71-crasher", integration.row("F71")),
    Group("F72-bad-reloads", operation.bad_reloads, True),
    Group("F73-reloads", operation.hundred_reloads, True),
    Group("F73-hangups", operation.hangup_storm),
    Group("F75-stop", operation.stopped_under_load, True),
    Group("F77-log-moved", operation.log_moved),
    Group("F78-wrong-rights", integration.row("F78")),
    Group("F79-control-socket", integration.row("F79")),
    Group("F80-taken-port", integration.row("F80")),
)
