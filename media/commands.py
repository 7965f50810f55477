"""What control asks of a media worker. Values of the link: small, frozen, in order.

A port is a row of the worker; `Allocate` asks for one and `Allocated` names it. Commands about a port that is not
allocated are counted and ignored: they crossed its end on the link.
"""

from __future__ import annotations

import msgspec

from media.negotiate import StreamPlan


class Allocate(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Take a port row and a UDP port; answered by `Allocated` or `Refused` with the same request number."""

    request: int


class Connect(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Give the port its negotiated stream; again after each re-negotiation. From now on it sends every 20 ms."""

    port: int
    plan: StreamPlan


class Sound(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """An audio file of the cache: `DIR/cache/audio/<audio>.s16`, raw mono little-endian int16 at 8000 Hz."""

    audio: str


class Silence(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Silence as part of what is played, in milliseconds."""

    ms: int


class Tone(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Up to two sine waves (Hz, 0 for none), on for `on_ms` and off for `off_ms`, `repeat` times.

    `level` is that of each wave in dBFS (RMS). `modulation`: their loudness swings so many times a second (0: not).
    """

    low: float
    high: float
    on_ms: int
    off_ms: int
    repeat: int = 1
    level: float = -10.0
    modulation: float = 0.0


Piece = Sound | Silence | Tone


class Play(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Play the pieces, `loops` times over (0: until stopped), to the port's peer. Each Play is ended by a `PlayEnded`.

    It replaces what plays and what waits. With `queue` it waits behind them instead, and begins with the sample after
    their last; an endless one before it ends with the round that it is in. `start_ms` begins so far into the first
    round; beyond its end the next round begins, if there is one. `volume` is in dB, 0 as recorded; what gets too loud
    is clipped. A sound that cannot be had ends the Play with `error` before any of its pieces; one that cannot be read
    on, or for which there is no memory, where it is. What waits behind goes on. While the disk does not give what is
    needed, for five seconds at most, there is silence; nothing is left out.
    """

    port: int
    playing: int
    pieces: tuple[Piece, ...]
    loops: int = 1
    queue: bool = False
    start_ms: int = 0
    volume: float = 0.0


class Stop(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Stop what plays into the port and what waits behind it: the next packet has none of it (barge-in)."""

    port: int


class SendDigits(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Send DTMF: `0-9 A-D * #`, `w` half a second, `W` a second. RFC 4733 where negotiated, else in band.

    Each is ended by a `DigitsSent`. While nothing goes to the port's peer, as when it holds the call, digits wait. It
    replaces what is still to be sent: a digit that has begun is sent to its end, the others are not sent, and the
    `DigitsSent` of those comes at once. Without digits it does only that.
    """

    port: int
    sending: int
    digits: str


class Press(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The port's peer pressed a key (`0-9 A-D * #`) by other means than the media: who it is bridged with gets it as it
    gets those that come as telephone events."""

    port: int
    digit: str


class Record(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Record to a WAV file at `path` (8000 Hz int16): a port, or with `port` -1 all that is said in `room`.

    `tracks` is `inbound` (what the peer says), `outbound` (what it hears) or `both`; with two `channels`, channel 1 is
    inbound and 2 outbound; one channel mixes them. What is said in a room is inbound. Ends by StopRecord, Release (a
    room: when its last member leaves), `max_seconds`, or `silence_seconds` of silence on the inbound track (0: never).
    `trim` cuts silence from both ends of the finished file.
    """

    port: int
    recording: str
    path: str
    channels: int = 1
    tracks: str = "inbound"
    silence_seconds: float = 0.0
    max_seconds: float = 14400.0
    trim: bool = False
    room: int = -1


class StopRecord(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """End the recording; `cut_ms` drops that much from its end (the key that ended it)."""

    port: int
    recording: str
    cut_ms: int = 0


class PauseRecord(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Until ResumeRecord nothing is recorded: silence instead, or with `skip` nothing at all."""

    port: int
    recording: str
    skip: bool = False


class ResumeRecord(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The recording goes on."""

    port: int
    recording: str


class Bridge(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Join two ports: each hears the other, its keys too, and what is played into it. A port joined to itself hears
    its echo."""

    a: int
    b: int


class Unbridge(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Part the port from its peer."""

    port: int


class Join(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The port takes part in a room, a number that control chooses; or takes another part in it.

    A room exists while somebody is in it. `muted`: the others do not hear it. `deaf`: it hears only what is played
    into its own port. `gain_db`: of what it says. `coaches`: a port of the room (-1: none) that alone hears what this
    one says; nobody does, while it is not there. `tells`: `Talking` events are wanted. `link`: it speaks for the room
    of another worker, so it is heard also where only those are who talk. `apart`: of the room it hears only who coaches
    it. `playout_ms`: its playout is at most so far behind, at least a frame (0: as far as its packets ask for).
    """

    port: int
    room: int
    muted: bool = False
    deaf: bool = False
    gain_db: float = 0.0
    coaches: int = -1
    tells: bool = False
    link: bool = False
    apart: bool = False
    playout_ms: int = 0


class Tap(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The port says, in place of silence, what the peer of port `source` says (`track` `inbound`) or what it hears
    (`outbound`), as a recording of that track has it; until either port is released."""

    port: int
    source: int
    track: str = "inbound"


class Leave(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The port leaves its room."""

    port: int


class PlayRoom(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Play the pieces to everybody in the room who is not deaf, as `Play` does to one. Nobody there: ends at once."""

    room: int
    playing: int
    pieces: tuple[Piece, ...]
    loops: int = 1
    queue: bool = False
    start_ms: int = 0
    volume: float = 0.0


class StopRoom(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Stop what plays to the room."""

    room: int


class Capture(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Write the port's packets, those of strangers too, to a pcap file at `path`, up to `limit_bytes`.

    The file is there, empty. Its times are seconds of the machine's monotonic clock. `ip` and `udp_port` are what it
    shows as the port's own address. Ends by StopCapture or Release without an event, else with `CaptureEnded`.
    """

    port: int
    path: str
    limit_bytes: int
    ip: str
    udp_port: int


class StopCapture(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """End the port's capture."""

    port: int


class Withhold(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """While it is `on`, what the port says is kept nowhere: recordings have silence of it, also those of whoever is
    sent it, its packets are in no capture, and its peer or its room hears it without keys (media/withholding.py)."""

    port: int
    on: bool


class Release(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Give the port back: ends its recordings (RecordEnded first), then `Released`."""

    port: int


PortCommand = (
    Connect
    | Play
    | Stop
    | SendDigits
    | Press
    | Unbridge
    | Join
    | Leave
    | Tap
    | Capture
    | StopCapture
    | Withhold
    | Release
)
"""About the port that it names first."""

RecordCommand = Record | StopRecord | PauseRecord | ResumeRecord
"""About a recording, of a port or of a room."""

Command = PortCommand | RecordCommand | Allocate | Bridge | PlayRoom | StopRoom
