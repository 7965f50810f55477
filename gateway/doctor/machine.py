"""Does the machine give what calls need: ports, open files, a voice, the right time?"""

from __future__ import annotations

import ctypes
import resource
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.config import Settings
from gateway.doctor.finding import Finding, doubtful, fine, wrong
from gateway.speech.engines import engine
from gateway.speech.errors import SpeechError

PROC = Path("/proc/sys/net/ipv4")
SPARE = 200  # files that a worker needs besides its ports (media/worker.py)
FILES_PER_CALL = 2
PORTS_PER_CALL = 2
MOST_PER_WORKER = 8000
UNSYNCHRONISED = 5  # TIME_ERROR of adjtimex(2)

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Machine:
    """What the system says. None: it does not say."""

    given_away: Range | None = None  # ports that outgoing connections take
    kept_back: tuple[Range, ...] = ()  # of those, ports that they do not take
    files: int = 0  # hard limit of open files of a process
    speech_error: str = ""
    synchronised: bool | None = None


def check(settings: Settings, machine: Machine) -> list[Finding]:
    """All that the machine decides."""
    return [*ports(settings, machine), *files(settings, machine), *speech(settings, machine), *clock(machine)]


def ports(settings: Settings, machine: Machine) -> list[Finding]:
    """Whether outgoing connections may take ports of the RTP range."""
    _, first, last = settings.media.rtp_range
    calls = (last - first + 1) // PORTS_PER_CALL
    found = fine("media.rtp", f"ports {first}-{last} are enough for {calls} calls' media")
    if machine.given_away is None or any(start <= first and last <= end for start, end in machine.kept_back):
        return [found]
    start, end = machine.given_away
    if last < start or end < first:
        return [found]
    what = f"ports {first}-{last} overlap with {start}-{end}, which the system gives to outgoing connections"
    cure = f"sysctl -w net.ipv4.ip_local_reserved_ports={first}-{last}, or choose a range outside"
    return [doubtful("media.rtp", what, cure)]


def files(settings: Settings, machine: Machine) -> list[Finding]:
    """Whether a worker may open as many sockets as its ports are worth."""
    _, first, last = settings.media.rtp_range
    wanted = min((last - first + 1) // PORTS_PER_CALL // settings.media.workers, MOST_PER_WORKER)
    possible = (machine.files - SPARE) // FILES_PER_CALL
    if possible >= wanted:
        return [fine("open files", f"the hard limit of {machine.files} is enough for {wanted} calls a worker")]
    needed = wanted * FILES_PER_CALL + SPARE
    cure = f"LimitNOFILE={needed} in the service's unit, ulimit -Hn {needed}, or a smaller media.rtp"
    what = f"the hard limit of {machine.files} is enough for {max(possible, 1)} calls a worker, media.rtp has {wanted}"
    return [doubtful("open files", what, cure)]


def speech(settings: Settings, machine: Machine) -> list[Finding]:
    """Whether there is something to speak with."""
    if not machine.speech_error:
        return [fine("speech.engine", f"{settings.speech.engine} is there")]
    return [wrong("speech.engine", machine.speech_error.partition(" (")[0], _inner(machine.speech_error))]


def _inner(text: str) -> str:
    return text.partition("(")[2].removesuffix(")")


def clock(machine: Machine) -> list[Finding]:
    """Whether something keeps the clock right: signatures on calls hold for a minute."""
    if machine.synchronised is None:
        return []
    if machine.synchronised:
        return [fine("clock", "is kept right")]
    cure = "run chrony or systemd-timesyncd"
    return [doubtful("clock", "nothing keeps it right", cure)]


def gather(settings: Settings) -> Machine:
    """Asks the system."""
    given = _ranges(_read("ip_local_port_range").replace("\t", "-").strip())
    error = ""
    try:
        engine(settings.speech.engine)
    except SpeechError as failure:
        error = str(failure)
    return Machine(
        given[0] if given else None,
        tuple(_ranges(_read("ip_local_reserved_ports"))),
        resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        error,
        _synchronised(),
    )


def _read(name: str) -> str:
    try:
        return (PROC / name).read_text()
    except OSError:
        return ""


def _ranges(text: str) -> Sequence[Range]:
    """`1000-2000,3000` as pairs."""
    parts = [part.strip().partition("-") for part in text.split(",") if part.strip()]
    return [(int(first), int(last or first)) for first, _, last in parts]


def _synchronised() -> bool | None:
    """What the kernel knows (adjtimex); None where it cannot be asked."""
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(ctypes.create_string_buffer(512)))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != UNSYNCHRONISED
