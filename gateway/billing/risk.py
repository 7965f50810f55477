"""What a number may cost whoever pays for the call: its country, and whether it is of a kind that fraud lives on.

The kinds are those of the numbering plans (libphonenumber); the operator adds prefixes of his own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import phonenumbers
from phonenumbers import PhoneNumberType

DEAR = {PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST}
SPECIAL = "a premium or shared-cost number"
NETWORKS = {870, 878, 881, 882, 883, 888, 979}  # satellites, international networks, international premium rate


@dataclass(frozen=True, slots=True)
class Risk:
    """`country`: ISO 3166 code, empty where a number belongs to none. `high`: why it is dear, empty if it is not."""

    country: str
    high: str = ""

    @property
    def special(self) -> bool:
        """Whether it is dear by its country's numbering plan."""
        return self.high == SPECIAL


def of(number: str, prefixes: Iterable[str] = ()) -> Risk:
    """The risk of calling a number in E.164."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return Risk("")
    country = phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(
        parsed.country_code or 0
    )
    country = "" if country in ("001", "ZZ") else country
    if prefix := next((one for one in prefixes if number.startswith(one)), ""):
        return Risk(country, f"prefix {prefix}")
    if parsed.country_code in NETWORKS:
        return Risk(country, f"the network +{parsed.country_code}")
    return Risk(country, SPECIAL if phonenumbers.number_type(parsed) in DEAR else "")
