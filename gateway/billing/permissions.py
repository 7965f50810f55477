"""What an account may call in a country: what the operator's ceilings leave of it, less what it forbids itself.

Premium and shared-cost numbers are Twilio's high-risk special ones; the rest of what is of high risk counts as its
toll-fraud numbers.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.billing.ceilings import Ceilings
from gateway.billing.risk import Risk
from gateway.store.sip_rows import DialingPermission


def effective(ceilings: Ceilings, own: DialingPermission) -> DialingPermission:
    """Both have to allow it."""
    inside = ceilings.countries is None or own.iso_code in ceilings.countries
    dear = inside and ceilings.high_risk
    return replace(
        own,
        low_risk_numbers_enabled=inside and own.low_risk_numbers_enabled,
        high_risk_special_numbers_enabled=dear and own.high_risk_special_numbers_enabled,
        high_risk_tollfraud_numbers_enabled=dear and own.high_risk_tollfraud_numbers_enabled,
    )


def allows(own: DialingPermission, risk: Risk) -> bool:
    """Whether the account itself allows such a number."""
    if not risk.high:
        return own.low_risk_numbers_enabled
    return own.high_risk_special_numbers_enabled if risk.special else own.high_risk_tollfraud_numbers_enabled
