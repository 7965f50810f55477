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


@dataclass(frozen=True, slots=True)
class Named:
    """Who has a domain name: a SIP domain or a trunk."""

    domain_name: str
    account_sid: str
    sid: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk(Owned):
    """A trunk of Elastic SIP Trunking (TK…): a PBX that calls out through us, and takes the calls of numbers."""

    friendly_name: str | None = None
    domain_name: str | None = None
    disaster_recovery_url: str | None = None
    disaster_recovery_method: str = "POST"
    transfer_mode: str = "disable-all"
    transfer_caller_id: str = "from-transferee"
    secure: bool = False
    cnam_lookup_enabled: bool = False
    recording_mode: str = "do-not-record"
    recording_trim: str = "do-not-trim"


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginationUrl(Owned):
    """Where a trunk's calls go (OU…). The lowest priority is tried first, among equals chance decides, by weight."""

    trunk_sid: str
    friendly_name: str
    sip_url: str
    priority: int
    weight: int
    enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ByocTrunk(Owned):
    """A carrier that a customer brings along (BY…)."""

    friendly_name: str | None = None
    voice_url: str | None = None
    voice_method: str = "POST"
    voice_fallback_url: str | None = None
    voice_fallback_method: str = "POST"
    status_callback_url: str | None = None
    status_callback_method: str = "POST"
    cnam_lookup_enabled: bool = False
    connection_policy_sid: str | None = None
    from_domain_sid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionPolicy(Owned):
    """How such a carrier is reached (NY…)."""

    friendly_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target(Owned):
    """One way to it (NE…)."""

    connection_policy_sid: str
    target: str
    friendly_name: str | None = None
    priority: int = 10
    weight: int = 10
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class IpRecord(Owned):
    """A network that calls come from (IL…)."""

    ip_address: str
    friendly_name: str | None = None
    cidr_prefix_length: int = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceIpMapping(Owned):
    """That calls from a network are a domain's (IB…)."""

    ip_record_sid: str
    sip_domain_sid: str


@dataclass(frozen=True, slots=True)
class DialingPermission:
    """What an account may call in a country."""

    iso_code: str
    low_risk_numbers_enabled: bool = True
    high_risk_special_numbers_enabled: bool = True
    high_risk_tollfraud_numbers_enabled: bool = True
