"""The guard of calls out: whether an account may call a number now, and whether it may go on.

Minutes are paid for as they begin, the first one before the call is placed: no number of calls at once can spend more
than the day's ceiling.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, time

from gateway.billing import permissions, risk
from gateway.billing.ceilings import Ceilings, ceilings_of
from gateway.billing.money import shown
from gateway.calls.limits import Limits
from gateway.clock import Clock
from gateway.store import Store
from gateway.store.sip_rows import DialingPermission


class Refused(Exception):
    """Why a call is not placed: Twilio's code, the HTTP status that says it, a sentence."""

    def __init__(self, code: int, status: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.status = status


class Guard:
    """Counts the calls and the money of each account, over the day in UTC."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._limits: dict[str, tuple[Ceilings, Limits]] = {}
        self._living: Counter[str] = Counter()
        self._spent: dict[str, tuple[date, int]] = {}

    async def admit(self, account_sid: str, number: str, price: int) -> None:
        """One call more; its first minute (`price` in micro-units) is paid. Refused says why not."""
        ceilings = await ceilings_of(self._store, account_sid)
        permitted = await self._store.sip.permissions.of(account_sid)
        self._permit(ceilings, permitted, number)
        await self._load(account_sid)
        limits = self._limits_of(account_sid, ceilings)
        if limits.admit(self._clock.now(), self._living[account_sid]) is not None:
            raise Refused(10004, 429, "the account's ceiling of calls per second or at once is reached")
        if not self._pay(account_sid, ceilings, price):
            raise Refused(10004, 403, self._over(ceilings))
        self._living[account_sid] += 1

    async def go_on(self, account_sid: str, price: int) -> str | None:
        """Pays for another minute; the sentence why not, where the money is spent."""
        ceilings = await ceilings_of(self._store, account_sid)
        return None if self._pay(account_sid, ceilings, price) else self._over(ceilings)

    def ended(self, account_sid: str, refund: int = 0) -> None:
        """A call that was admitted is over; what it paid and did not use comes back."""
        self._living[account_sid] -= 1
        day, spent = self._today(account_sid)
        self._spent[account_sid] = day, max(0, spent - refund)

    async def spent(self, account_sid: str) -> int:
        """Micro-units of today."""
        await self._load(account_sid)
        return self._today(account_sid)[1]

    @staticmethod
    def _permit(ceilings: Ceilings, permitted: Mapping[str, DialingPermission], number: str) -> None:
        found = risk.of(number, ceilings.high_risk_prefixes)
        if found.high and not ceilings.high_risk:
            raise Refused(21215, 403, f"{number} is of high risk ({found.high}) and not permitted to this account")
        if ceilings.countries is not None and found.country not in ceilings.countries:
            country = found.country or "no country's numbers"
            raise Refused(21215, 403, f"{number}: {country} is not permitted to this account")
        own = permitted.get(found.country)
        if own is not None and not permissions.allows(own, found):
            raise Refused(21215, 403, f"{number}: the account's dialing permissions for {found.country} forbid it")

    def _limits_of(self, account_sid: str, ceilings: Ceilings) -> Limits:
        known = self._limits.get(account_sid)
        if known is None or known[0] != ceilings:
            known = self._limits[account_sid] = ceilings, Limits(ceilings.cps, ceilings.concurrency)
        return known[1]

    def _pay(self, account_sid: str, ceilings: Ceilings, price: int) -> bool:
        day, spent = self._today(account_sid)
        if price and ceilings.daily_micro is not None and spent + price > ceilings.daily_micro:
            return False
        self._spent[account_sid] = day, spent + price
        return True

    def _over(self, ceilings: Ceilings) -> str:
        assert ceilings.daily_micro is not None
        return (
            f"the account's daily spend of {shown(ceilings.daily_micro)} is reached; raise daily_spend at "
            "/operator/v1/accounts/SID/ceilings to go on"
        )

    async def _load(self, account_sid: str) -> None:
        """What the calls of today have cost, after a start of the process."""
        if account_sid not in self._spent:
            today = self._clock.wall().date()
            midnight = datetime.combine(today, time(), UTC)
            spent = await self._store.calls.spent_since(account_sid, midnight)
            self._spent.setdefault(account_sid, (today, spent))

    def _today(self, account_sid: str) -> tuple[date, int]:
        today = self._clock.wall().date()
        day, spent = self._spent.get(account_sid, (today, 0))
        return (today, spent) if day == today else (today, 0)
