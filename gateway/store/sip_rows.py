"""Customers' SIP as values: one frozen dataclass per table of sip_tables.py, with Twilio's defaults.

The names of fields are Twilio's, because the REST API shows and changes them by their names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """What every one of them has."""

    sid: str
    account_sid: str
    date_created: datetime
    date_updated: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain(Owned):
    """A SIP domain (SD…): whom calls to it come from, and what answers them."""

    domain_name: str
    friendly_name: str | None = None
    voice_url: str | None = None
    voice_method: str = "POST"
    voice_fallback_url: str | None = None
    voice_fallback_method: str = "POST"
    voice_status_callback_url: str | None = None
    voice_status_callback_method: str = "POST"
    sip_registration: bool = False
    emergency_calling_enabled: bool = False
    secure: bool = False
    byoc_trunk_sid: str | None = None
    emergency_caller_sid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialList(Owned):
    """Users and passwords (CL…), used by domains and trunks."""

    friendly_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential(Owned):
    """A user (CR…). `password` is encrypted at rest and plain here: digest needs it, or a hash per realm."""

    credential_list_sid: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessList(Owned):
    """Networks that may call (AL…), used by domains and trunks."""

    friendly_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Address(Owned):
    """A network of such a list (IP…)."""

    ip_access_control_list_sid: str
    friendly_name: str
    ip_address: str
    cidr_prefix_length: int = 32

    @property
    def network(self) -> str:
        """As `ipaddress.ip_network(…, strict=False)` reads it."""
        return f"{self.ip_address}/{self.cidr_prefix_length}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped(Owned):
    """That a domain or trunk (`owner_sid`) uses a list (`sid`), for calls or for registrations."""

    owner_sid: str
    purpose: str
    friendly_name: str  # the list's
