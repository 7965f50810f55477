"""Can each address be listened on, and does the world reach it?"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.calls.addresses import joined
from gateway.config import Settings
from gateway.doctor.finding import Finding, doubtful, fine, wrong
from gateway.sections import host_port, is_loopback

KINDS = {"udp": socket.SOCK_DGRAM}  # everything else is a stream
FREE_ANYWAY = 1024  # ports below need a right of their own


@dataclass(frozen=True, slots=True)
class Listener:
    """An address of the settings, and what came of binding it: 0, or the number of the error."""

    setting: str
    transport: str
    host: str
    port: int
    error: int = 0

    @property
    def subject(self) -> str:
        return f"{self.setting} {joined(self.host, self.port)} ({self.transport})"


def check(listeners: Iterable[Listener], *, running: bool) -> list[Finding]:
    """One finding each; `running`: this gateway answers on its HTTP port, so that its ports are taken by itself."""
    return [_judged(one, running) for one in listeners]


def _judged(one: Listener, running: bool) -> Finding:
    match one.error:
        case 0:
            return fine(one.subject, "free; only this machine reaches it" if is_loopback(one.host) else "free")
        case errno.EADDRINUSE if running:
            return fine(one.subject, "in use, and the gateway is running")
        case errno.EADDRINUSE:
            return wrong(one.subject, "another program uses it", f"stop that program, or choose another {one.setting}")
        case errno.EADDRNOTAVAIL:
            cure = f"set {one.setting} to an address of this machine, or to 0.0.0.0 or [::] for all of them"
            return wrong(one.subject, "this machine does not have this address", cure)
        case errno.EACCES:
            cure = f"choose a port from {FREE_ANYWAY} on, or grant CAP_NET_BIND_SERVICE"
            return wrong(one.subject, "this user may not bind it", cure)
        case socket.EAI_NONAME:
            return wrong(one.subject, "this name has no address", f"set {one.setting} to an address of this machine")
    return wrong(one.subject, f"cannot be bound: {errno.errorcode.get(one.error, one.error)}", f"change {one.setting}")


def media(listener: Listener, *, running: bool) -> list[Finding]:
    """The address that media is received on: its ports are taken one by one, so only the address counts."""
    if listener.error in (0, errno.EADDRINUSE):
        return [fine(f"media.rtp {listener.host}", "this machine has this address")]
    return [_judged(listener, running)]


def open_to_strangers(settings: Settings) -> list[Finding]:
    """What stands open that seldom should."""
    host, _ = host_port(settings.http.operator or settings.http.listen)
    if is_loopback(host) or settings.http.tls_cert is not None:
        return []
    setting = "http.operator" if settings.http.operator else "http.listen"
    cure = "set http.tls_cert and http.tls_key, or listen on loopback behind a proxy that speaks TLS"
    return [doubtful(setting, "tokens and the operator key cross the network unencrypted", cure)]


def gather(settings: Settings) -> list[Listener]:
    """Binds every address for a moment; nothing is sent or accepted."""
    names = {"udp": "sip.listen", "tcp": "sip.listen", "tls": "sip.tls_listen", "ws": "sip.ws_listen"}
    wanted = [("http.listen", "tcp", *host_port(settings.http.listen))]
    if settings.http.operator:
        wanted.append(("http.operator", "tcp", *host_port(settings.http.operator)))
    for transport, host, port in settings.sip.listeners:
        name = names.get(transport, "sip.extra_listen")
        setting = name if _is_set(settings, name, host, port) else "sip.extra_listen"
        wanted.append((setting, transport, host, port))
    return [bound(*one) for one in wanted]


def _is_set(settings: Settings, name: str, host: str, port: int) -> bool:
    value = getattr(settings.sip, name.partition(".")[2], None)
    return isinstance(value, str) and host_port(value) == (host, port)


def gather_media(settings: Settings) -> Listener:
    """The address of `media.rtp`, on a port that the system chooses."""
    return bound("media.rtp", "udp", settings.media.rtp_range[0], 0)


def bound(setting: str, transport: str, host: str, port: int) -> Listener:
    """What comes of binding an address."""
    kind = KINDS.get(transport, socket.SOCK_STREAM)
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror:
        return Listener(setting, transport, host, port, socket.EAI_NONAME)
    return Listener(setting, transport, host, port, _error(family, kind, address))


def _error(family: int, kind: int, address: Sequence[object]) -> int:
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that just ended do not count
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind(tuple(address))
        except OSError as error:
            return error.errno or errno.EINVAL
    return 0
