"""What a media worker tells control. Values of the link: small, frozen, in order."""

from __future__ import annotations

import msgspec


class Allocated(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Answer to `Allocate`: the row, and the UDP port for RTP (RTCP is the next one)."""

    request: int
    port: int
    udp_port: int
    ssrc: int


class Refused(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Answer to `Allocate`: no row or UDP port is free."""

    request: int
    reason: str


class PlayEnded(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A `Play` is over: `completed` False when it was stopped or replaced, or failed with `error`.

    `error` is a sentence: a sound is not there, is empty, could not be read to its end, or there is no memory for it.
    """

    port: int
    playing: int
    completed: bool
    error: str = ""


class RoomPlayEnded(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A `PlayRoom` is over, as `PlayEnded`; also because the last member left."""

    room: int
    playing: int
    completed: bool
    error: str = ""


class Talking(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A member of a room began to talk, or has not talked for 300 ms."""

    port: int
    talking: bool


class DigitReceived(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A DTMF digit was pressed; said at its start once it is sure, once per press."""

    port: int
    digit: str
    inband: bool


class DigitsSent(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A `SendDigits` is over."""

    port: int
    sending: int


class RecordEnded(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A recording's file is complete and closed.

    `reason`: `stopped`, `silence`, `max-length`, `released`, `failed` (with `error`). `seconds` is the length of the
    file, after trimming; `recorded_seconds` before it; `silent` says that nothing above the threshold was heard;
    `sha256` is that of the file, in hex ("" where it failed). `room`: whose it was, if it was not a port's.
    """

    port: int
    recording: str
    reason: str
    seconds: float
    recorded_seconds: float
    size: int
    silent: bool
    error: str = ""
    sha256: str = ""
    room: int = -1


class RecordStopped(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A recording takes no more audio (its file follows with `RecordEnded`): same `reason` words."""

    port: int
    recording: str
    reason: str
    recorded_seconds: float
    room: int = -1


class MediaLost(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """No packet from the peer for the configured idle time."""

    port: int
    seconds: float


class OneWay(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """We send to the peer, and nothing comes back: for so many seconds. `sdp_ip`, `sdp_port`: what SDP named."""

    port: int
    ip: str
    udp_port: int
    sdp_ip: str
    sdp_port: int
    seconds: float


class Latched(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The port follows the address its peer really sends from (symmetric RTP)."""

    port: int
    ip: str
    udp_port: int


class Strangers(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Packets from an address that is not the peer's were dropped; no `ip`: from more addresses than are told."""

    port: int
    ip: str
    udp_port: int
    packets: int


class CaptureEnded(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A capture ended by itself: `reason` is `full`, or `failed` with `error`."""

    port: int
    reason: str
    error: str = ""


class Released(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The port is back; what went through it. `lost` counts sequence gaps, `late` packets dropped by playout."""

    port: int
    packets_in: int
    packets_out: int
    lost: int
    late: int
    jitter_ms: float


class WorkerStats(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Once a second: milliseconds that a tick took, over that second; how late ticks were, over the last five.

    `packet_io`: `native` or `python`. `sound_bytes` of at most `sound_bound` hold encoded audio, played now or kept for
    the next time.
    """

    ports_in_use: int
    tick_ms_mean: float
    tick_ms_max: float
    late_ms_p90: float
    late_ms_p99: float
    late_ms_max: float
    packets_in: int
    packets_out: int
    packet_io: str
    sound_bytes: int
    sound_bound: int


Event = (
    Allocated
    | Refused
    | PlayEnded
    | RoomPlayEnded
    | Talking
    | DigitReceived
    | DigitsSent
    | RecordStopped
    | RecordEnded
    | MediaLost
    | OneWay
    | Latched
    | Strangers
    | CaptureEnded
    | Released
    | WorkerStats
)
