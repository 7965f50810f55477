"""The ports as columns: one row each, everything a tick needs to know about it."""

from __future__ import annotations

import numpy as np

from media.codecs import LAWS
from media.negotiate import StreamPlan
from media.rtp import HEADER, Packets

Address = tuple[str, int]
NOBODY: Address = ("", 0)


class Ports:
    """Struct of arrays. `remote` and `plans` are lists: addresses and plans are looked at when they change."""

    def __init__(self, rows: int) -> None:
        self.taken = np.zeros(rows, np.bool_)
        self.connected = np.zeros(rows, np.bool_)
        self.send = np.zeros(rows, np.bool_)
        self.receive = np.zeros(rows, np.bool_)
        self.law = np.zeros(rows, np.int64)
        self.payload_type = np.zeros(rows, np.int64)
        self.dtmf_type = np.full(rows, -1, np.int64)
        self.peer = np.full(rows, -1, np.int64)  # bridged with
        self.tapped = np.zeros(rows, np.bool_)  # recorded
        self.dialling = np.zeros(rows, np.bool_)  # sends digits
        self.captured = np.zeros(rows, np.bool_)  # its packets are copied
        self.withheld = np.zeros(rows, np.bool_)  # nobody keeps what it says (media/withholding.py)
        self.ssrc = np.zeros(rows, np.int64)
        self.sequence = np.zeros(rows, np.int64)  # of the next packet
        self.timestamp = np.zeros(rows, np.int64)  # of the next packet; of which 32 bits count
        self.marker = np.zeros(rows, np.bool_)  # the next packet begins a talkspurt
        self.heard_at = np.zeros(rows, np.float64)  # when a packet came last
        self.reported_at = np.zeros(rows, np.float64)  # when RTCP of the peer came last
        self.lost_said = np.zeros(rows, np.bool_)
        self.one_way_said = np.zeros(rows, np.bool_)
        self.packets_in = np.zeros(rows, np.int64)
        self.packets_out = np.zeros(rows, np.int64)
        self.bytes_out = np.zeros(rows, np.int64)
        self.remote: list[Address] = [NOBODY] * rows
        self.plans: list[StreamPlan | None] = [None] * rows
        self.moved: list[int] = []  # rows that have another remote than their sockets know

    def __len__(self) -> int:
        return len(self.taken)

    def take(self, row: int, ssrc: int, sequence: int, timestamp: int) -> None:
        """A row begins: its own stream starts where chance says (RFC 3550 §5.1)."""
        self.release(row)
        self.taken[row] = True
        self.ssrc[row], self.sequence[row], self.timestamp[row] = ssrc, sequence, timestamp
        for column in (self.packets_in, self.packets_out, self.bytes_out):
            column[row] = 0

    def connect(self, row: int, plan: StreamPlan, now: float) -> None:
        """The row has a peer, or another one."""
        self.plans[row] = plan
        self.move(row, (plan.remote_ip, plan.remote_port))
        self.connected[row] = True
        self.send[row], self.receive[row] = plan.send, plan.receive
        self.law[row] = LAWS[plan.codec]
        self.payload_type[row], self.dtmf_type[row] = plan.payload_type, plan.dtmf_payload_type
        self.marker[row] = True
        self.heard_at[row], self.lost_said[row], self.one_way_said[row] = now, False, False

    def move(self, row: int, remote: Address) -> None:
        """The row's peer is there."""
        if self.remote[row] != remote:
            self.remote[row] = remote
            self.moved.append(row)

    def count_out(self, packets: Packets) -> None:
        """These packets are sent."""
        np.add.at(self.packets_out, packets.rows, 1)
        np.add.at(self.bytes_out, packets.rows, packets.lengths - HEADER)

    def release(self, row: int) -> None:
        """The row ends."""
        flags = self.taken, self.connected, self.send, self.receive, self.tapped, self.dialling, self.captured
        for column in (*flags, self.withheld):
            column[row] = False
        self.peer[row] = self.dtmf_type[row] = -1
        self.remote[row], self.plans[row] = NOBODY, None
