"""What an account may do on calls out: as the operator writes it in `/operator/v1/accounts/SID/ceilings`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gateway.billing.money import micro
from gateway.store import Store

KIND = "ceilings"  # of the operator's documents
DEFAULT = "default"  # the name of the one that holds for accounts without their own


class Ceilings(BaseModel):
    """No limit where a field is null. What is high risk is refused unless it is allowed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cps: float | None = Field(default=None, gt=0)  # calls that may start in a second
    concurrency: int | None = Field(default=None, gt=0)  # calls at once
    daily_spend: str | None = None  # `25.00`, from midnight to midnight UTC
    countries: tuple[str, ...] | None = None  # ISO 3166 codes that may be called
    high_risk: bool = False  # premium, shared-cost, satellite and the prefixes below
    high_risk_prefixes: tuple[str, ...] = ()

    @field_validator("daily_spend")
    @classmethod
    def _is_amount(cls, value: str | None) -> str | None:
        if value is not None:
            micro(value)
        return value

    @field_validator("countries")
    @classmethod
    def _are_countries(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for code in value or ():
            if len(code) != 2 or not code.isascii() or not code.isupper():
                raise ValueError(f"{code!r} is no country code like US")
        return value

    @field_validator("high_risk_prefixes")
    @classmethod
    def _are_prefixes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for prefix in value:
            if not (prefix.startswith("+") and prefix[1:].isdigit()):
                raise ValueError(f"{prefix!r} is no prefix like +2521")
        return value

    @property
    def daily_micro(self) -> int | None:
        """The day's ceiling in micro-units."""
        return None if self.daily_spend is None else micro(self.daily_spend)


async def ceilings_of(store: Store, account_sid: str) -> Ceilings:
    """Those of an account: its own, else the default ones."""
    documents = await store.operator.all(KIND)
    return Ceilings.model_validate(documents.get(account_sid, documents.get(DEFAULT, {})))
