"""Peers of whom nothing comes: each silence is told once."""

from __future__ import annotations

import numpy as np

from media import events
from media.ports import Ports

HOLD = 30  # times as long a peer may be silent that wants to hear nothing: it holds the call
ONE_WAY = 3.0  # seconds without a packet, while we send, that are no pause of a talker any more


def silences(ports: Ports, idle_seconds: float, now: float) -> list[events.Event]:
    """`MediaLost` after `idle_seconds` without RTP and RTCP, `OneWay` after `ONE_WAY` without RTP, where we send."""
    said: list[events.Event] = []
    silence = now - ports.heard_at
    wanted = ports.connected & ports.receive
    patience = np.where(ports.send, idle_seconds, HOLD * idle_seconds)
    lost = np.minimum(silence, now - ports.reported_at) >= patience
    for row in np.flatnonzero(wanted & ~ports.lost_said & lost).tolist():
        ports.lost_said[row] = True
        said.append(events.MediaLost(row, float(patience[row])))
    ports.one_way_said &= silence >= ONE_WAY
    for row in np.flatnonzero(wanted & ports.send & ~ports.one_way_said & (silence >= ONE_WAY)).tolist():
        plan = ports.plans[row]
        assert plan is not None, "a connected port has a plan"
        ports.one_way_said[row] = True
        sdp = (plan.remote_ip, plan.remote_port)
        said.append(events.OneWay(row, *ports.remote[row], *sdp, round(float(silence[row]), 1)))
    return said
