"""What each section of `trunkline.toml` may say, and what cannot be (gateway/config.py puts them together)."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gateway.calls.fallback_document import check
from gateway.webhooks.overrides import is_edge
from sip.registrar import Rules
from sip.transport.stream import Bounds
from twiml.errors import TwimlError


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def host_port(text: str) -> tuple[str, int]:
    """`HOST:PORT` or `[IPv6]:PORT` as a pair; ValueError with an exact sentence otherwise."""
    host, colon, port = text.rpartition(":")
    host = host.strip("[]")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is not HOST:PORT")
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Http(Section):
    """The REST API, health and metrics; `operator` takes /operator/v1 and /metrics to a listener of their own."""

    listen: str = "127.0.0.1:8080"
    public_url: str | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    operator: str | None = None

    @field_validator("listen", "operator")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None:
            host_port(value)
        return value

    @model_validator(mode="after")
    def _are_both(self) -> Http:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key belong together: set both or neither")
        return self


SIP_TRANSPORTS = ("udp", "tcp", "tls", "ws", "wss")


class NamedCertificate(Section):
    """PEM files of a certificate (chain first to last) and its key."""

    cert: Path
    key: Path


class Sip(Section):
    """Where SIP is heard, and how servers are found.

    `listen`: UDP and TCP. `tls_listen`: TLS. `ws_listen`: WebSocket without TLS, beside `/sip` on the HTTP port.
    `extra_listen`: more listeners, each `TRANSPORT:HOST:PORT` with udp, tcp, tls, ws or wss. `tls_cert`, `tls_key`: PEM
    files of our certificate (chain first to last) and key, read again when they change. `tls_ca`: PEM file of CAs; with
    it, peers must show a certificate on TLS listeners, and servers may show one of these CAs besides the system's.
    `tls_names`: other certificates, for clients that ask for one of these names (SNI).
    `public_address`: the IP address or name that peers shall see, where it is not the one that is bound.
    `nameservers`: `ADDRESS` or `ADDRESS:PORT` of DNS servers; the system's where there are none.
    `realm`, `digest`: what our challenges say, and the algorithms that they offer, the preferred one first.
    `strangers`: whether sources that belong to no trunk are refused, ever more slowly, or hear nothing at all.
    `connections`: of TCP, TLS and WebSocket at once, a quarter of which is kept for those whom we know;
    `stranger_connections`: from one address where nobody is known. In seconds: `message_seconds` for a message to come
    whole, `idle_seconds` without a byte, `stranger_seconds` until somebody whom we know has come over a connection.
    """

    listen: str = "127.0.0.1:5060"
    tls_listen: str | None = None
    ws_listen: str | None = None
    extra_listen: tuple[str, ...] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_ca: Path | None = None
    tls_names: dict[str, NamedCertificate] = {}
    public_address: str | None = None
    nameservers: tuple[str, ...] = ()
    realm: str = Field(default="trunkline", min_length=1, max_length=100)
    digest: tuple[Literal["SHA-512-256", "SHA-256", "MD5"], ...] = Field(default=("SHA-256", "MD5"), min_length=1)
    strangers: Literal["delay", "silence"] = "delay"
    connections: int = Field(default=8192, ge=4)
    stranger_connections: int = Field(default=256, ge=1)
    message_seconds: float = Field(default=30.0, gt=0)
    idle_seconds: float = Field(default=3600.0, gt=0)
    stranger_seconds: float = Field(default=120.0, gt=0)

    @field_validator("listen", "tls_listen", "ws_listen")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None:
            host_port(value)
        return value

    @field_validator("extra_listen")
    @classmethod
    def _are_listeners(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            transport, _, address = value.partition(":")
            if transport not in SIP_TRANSPORTS:
                raise ValueError(f"{value!r} does not start with {', '.join(SIP_TRANSPORTS)}")
            host_port(address)
        return values

    @field_validator("tls_names")
    @classmethod
    def _in_lower_case(cls, value: dict[str, NamedCertificate]) -> dict[str, NamedCertificate]:
        return {name.lower(): files for name, files in value.items()}

    @model_validator(mode="after")
    def _has_certificate(self) -> Sip:
        secure = [transport for transport, _, _ in self.listeners if transport in ("tls", "wss")]
        if secure and self.tls_cert is None:
            raise ValueError(f"a {secure[0]} listener needs tls_cert")
        return self

    @property
    def bounds(self) -> Bounds:
        """What connections may cost."""
        return Bounds(
            connections=self.connections, of_stranger=self.stranger_connections, message=self.message_seconds,
            idle=self.idle_seconds, stranger=self.stranger_seconds,
        )  # fmt: skip

    @property
    def listeners(self) -> list[tuple[str, str, int]]:
        """(transport, host, port) of each."""
        listed = [("udp", self.listen), ("tcp", self.listen), ("tls", self.tls_listen), ("ws", self.ws_listen)]
        listed += [(transport, address) for transport, _, address in (one.partition(":") for one in self.extra_listen)]
        return [(transport, *host_port(address)) for transport, address in listed if address is not None]


class Media(Section):
    """The media workers and their RTP ports."""

    workers: int = Field(default=1, ge=1, le=64)
    rtp: str = "127.0.0.1:20000-29999"
    public_address: str | None = None
    idle_seconds: float = Field(default=60.0, gt=0)
    sound_mb: int = Field(default=128, ge=1, le=1 << 16)
    codecs: tuple[Literal["PCMU", "PCMA"], ...] = ("PCMU", "PCMA")
    mix_all_below: int = Field(default=16, ge=2)  # members of a room; in larger ones only those who talk are mixed
    full_busy: float = Field(default=0.8, gt=0, le=1)  # share of a tick's time
    full_late_ms: float = Field(default=10.0, gt=0)  # of a tenth of the ticks

    @property
    def rtp_range(self) -> tuple[str, int, int]:
        """Host, first and last UDP port."""
        host, _, ports = self.rtp.rpartition(":")
        first, _, last = ports.partition("-")
        return host.strip("[]"), int(first), int(last)

    @field_validator("rtp")
    @classmethod
    def _is_range(cls, value: str) -> str:
        host, _, ports = value.rpartition(":")
        first, dash, last = ports.partition("-")
        if (
            not host
            or not dash
            or not first.isdigit()
            or not last.isdigit()
            or not 1024 <= int(first) < int(last) < 65536
        ):
            raise ValueError(f"{value!r} is not HOST:FROM-TO")
        return value


class Store(Section):
    """The database."""

    url: str | None = None  # default: SQLite in the data folder
    durability: Literal["process", "power"] = "process"
    keep_days: int = Field(default=400, ge=1)


class Webhooks(Section):
    """`allow`: what webhooks may reach besides public addresses, networks in CIDR form.

    `edges`: the local address from which each edge of the connection override `e` is left; others leave from any.
    `kept_requests`: how many are kept for `/operator/v1/requests`, each for a day. `fallback_twiml`: what answers a
    number's calls when neither its URL nor its fallback URL can be had, and the number has no such document of its own.
    """

    allow: tuple[str, ...] = ()
    edges: dict[str, str] = Field(default_factory=dict)
    kept_requests: int = Field(default=500_000, ge=0, le=1_000_000_000)
    fallback_twiml: str = ""

    @field_validator("fallback_twiml")
    @classmethod
    def _is_document(cls, value: str) -> str:
        if value:
            try:
                check(value)
            except TwimlError as error:
                raise ValueError(f"line {error.line}: {error}") from error
        return value

    @field_validator("edges")
    @classmethod
    def _are_edges(cls, value: dict[str, str]) -> dict[str, str]:
        for edge, address in value.items():
            if not is_edge(edge):
                raise ValueError(f"{edge} is no edge of Twilio's")
            ip_address(address)
        return value

    @field_validator("allow")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            ip_network(text)
        return value


class Speech(Section):
    """Text to speech."""

    engine: Literal["auto", "espeak-ng", "espeakng-loader", "flite"] = "auto"
    cache_mb: int = Field(default=512, ge=1)


class Stir(Section):
    """Whose word on callers is believed, and ours.

    `roots`: PEM file of the authorities whose certificates may sign for calls (trunk field `verify_identity`).
    `certificate`, `key`: PEM files, signer first, with which calls are signed (trunk field `attestation`).
    `url`: where others fetch the certificate, if it is not served by us.
    """

    roots: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    url: str | None = Field(default=None, pattern='^https://[^\\s#<>"]+$', max_length=400)

    @model_validator(mode="after")
    def _are_both(self) -> Stir:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together: set both or neither")
        return self


class Limits(Section):
    """Calls per second and at once; none by default. `of_source`: at once from one address that is no trunk's."""

    cps: float | None = Field(default=None, gt=0)
    concurrency: int | None = Field(default=None, gt=0)
    of_source: int = Field(default=200, ge=1)


class Phones(Section):
    """What phones that register may ask for: seconds (a request below the least is refused), contacts of one user.

    `digest`: the algorithms that SIP domains offer. MD5 alone by default, because many phones take the first challenge
    only, or fail at one that they do not know.
    """

    digest: tuple[Literal["SHA-512-256", "SHA-256", "MD5"], ...] = Field(default=("MD5",), min_length=1)
    least_seconds: int = Field(default=60, ge=1, le=3600)
    most_seconds: int = Field(default=3600, ge=60)
    contacts: int = Field(default=10, ge=1)

    @model_validator(mode="after")
    def _fits_together(self) -> Phones:
        if self.least_seconds > self.most_seconds:
            raise ValueError("least_seconds is more than most_seconds")
        return self

    @property
    def rules(self) -> Rules:
        """For the registrar; a phone that names no time gets the most."""
        return Rules(self.least_seconds, self.most_seconds, self.most_seconds, self.contacts)


class Capture(Section):
    """Captures of calls by the operator: seconds of each, MB of each leg's RTP, how many at once, seconds that one is
    kept after its end, and MB of the calls' latest SIP messages that are kept for captures to come."""

    seconds: float = Field(default=600.0, gt=0)
    leg_mb: int = Field(default=16, ge=1, le=1024)
    calls: int = Field(default=8, ge=1)
    keep_seconds: float = Field(default=3600.0, ge=0)
    recent_mb: int = Field(default=2, ge=0, le=1024)
