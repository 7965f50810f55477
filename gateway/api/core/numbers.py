"""`IncomingPhoneNumbers` and `AvailablePhoneNumbers`: what accounts own, and what the inventory has."""

from __future__ import annotations

import re
from typing import Any

import phonenumbers

from gateway.api import readers
from gateway.api.core.shape import VERSION, base, date
from gateway.api.fields import Form
from gateway.api.http import Reply, Request, Route
from gateway.api.paging import envelope, page_of
from gateway.api.resource import Fetch
from gateway.clock import Clock
from gateway.errors import ApiError, invalid, not_found
from gateway.numbers.e164 import HOME, national, normal
from gateway.sids import Sids
from gateway.store import Store
from gateway.store.paging import Listing
from gateway.store.rows import Number

CAPABILITIES = {"voice": True, "sms": False, "mms": False, "fax": False}
URLS = {
    "VoiceUrl": "voice_url", "VoiceFallbackUrl": "voice_fallback_url", "StatusCallback": "status_callback",
    "SmsUrl": "sms_url", "SmsFallbackUrl": "sms_fallback_url",
}  # fmt: skip
METHODS = {
    "VoiceMethod": "voice_method", "VoiceFallbackMethod": "voice_fallback_method",
    "StatusCallbackMethod": "status_callback_method", "SmsMethod": "sms_method",
    "SmsFallbackMethod": "sms_fallback_method",
}  # fmt: skip
NO_LOOKUP = 21409  # Twilio: the caller ID lookup is not possible
USES = {
    "TrunkSid": ("trunk_sid", 20001), "VoiceApplicationSid": ("voice_application_sid", 21420),
    "SmsApplicationSid": ("sms_application_sid", 21420),
}  # fmt: skip
LATER = ("IdentitySid", "AddressSid", "EmergencyAddressSid", "BundleSid", "VoiceReceiveMode", "AccountSid")
PLACES = (
    "NearNumber", "NearLatLong", "Distance", "InPostalCode", "InRegion", "InRateCenter", "InLata", "InLocality",
)  # fmt: skip
MOST_FOUND = 1000  # numbers of one search
_CONTAINS = re.compile(r"[0-9A-Za-z*%]*", re.ASCII)


class Numbers:
    """Search, buy, change, release."""

    def __init__(self, store: Store, sids: Sids, clock: Clock) -> None:
        self._numbers = store.numbers
        self._uses: dict[str, Fetch] = {
            "TrunkSid": store.sip.trunks.fetch,
            "VoiceApplicationSid": store.applications.fetch,
            "SmsApplicationSid": store.applications.fetch,
        }
        self._sids = sids
        self._clock = clock

    def routes(self) -> list[Route]:
        """The paths."""
        owned, free = "/Accounts/{account}/IncomingPhoneNumbers", "/Accounts/{account}/AvailablePhoneNumbers"
        return [
            Route(owned, {"GET": self.list, "POST": self.buy}),
            Route(f"{owned}/Local", {"GET": self.list, "POST": self.buy}),
            Route(f"{owned}/{{sid}}", {"GET": self.fetch, "POST": self.update, "DELETE": self.release}),
            Route(free, {"GET": self.countries}),
            Route(f"{free}/{{country}}", {"GET": self.country}),
            Route(f"{free}/{{country}}/Local", {"GET": self.available}),
        ]

    async def list(self, request: Request) -> Reply:
        """The account's numbers."""
        form, page = Form(request.fields), page_of(request)
        if form.flag("Beta") or form.word("Origin", ("", "hosted", "twilio"), "") == "twilio":
            return envelope(request, "incoming_phone_numbers", page, Listing([], False), [])
        found = await self._numbers.owned(
            request.account_sid, page, phone_number=form.text("PhoneNumber"), friendly_name=form.text("FriendlyName")
        )
        rows = [self.show(number) for number in found.rows]
        return envelope(request, "incoming_phone_numbers", page, found, rows)

    async def buy(self, request: Request) -> Reply:
        """By number, or any with an area code."""
        form = Form(request.fields)
        changes = await self._changes(request, form)
        wanted = await self._wanted(form)
        now = self._clock.wall()
        bought = await self._numbers.buy(
            request.account_sid, wanted, self._sids.new("PN"),
            **{"friendly_name": national(wanted), **changes, "date_created": now, "date_updated": now},
        )  # fmt: skip
        if bought is None:
            raise ApiError(
                400, 21422, f"{wanted} is not available: it is taken, or not in the inventory of this gateway"
            )
        return Reply(201, self.show(bought), "IncomingPhoneNumber")

    async def _wanted(self, form: Form) -> str:
        if form.text("PhoneNumber"):
            number = normal(form.text("PhoneNumber"))
            if number is None:
                raise ApiError(400, 21421, f"PhoneNumber {form.text('PhoneNumber')} is invalid")
            return number
        area = _area(form)
        if not area:
            raise ApiError(400, 21421, "PhoneNumber or AreaCode is required")
        found = await self._numbers.available([f"+1{area}%"], 1)
        if not found:
            raise ApiError(400, 21452, f"No phone number with area code {area} is available")
        return found[0].phone_number

    async def _changes(self, request: Request, form: Form) -> dict[str, Any]:
        form.refuse(*LATER)
        changes: dict[str, Any] = {}
        changes |= {column: form.url(name, 21402) for name, column in URLS.items() if form.has(name)}
        changes |= {column: form.method(name, 21403) for name, column in METHODS.items() if form.text(name)}
        if form.has("FriendlyName"):
            changes["friendly_name"] = form.text("FriendlyName")[:64]
        if form.has("VoiceCallerIdLookup"):
            changes["voice_caller_id_lookup"] = readers.no_lookup(form, "VoiceCallerIdLookup", NO_LOOKUP)
        for name, (column, code) in USES.items():
            if form.has(name):
                changes[column] = await self._used(request, name, form.text(name), code)
        return changes

    async def _used(self, request: Request, name: str, sid: str, code: int) -> str | None:
        if sid and await self._uses[name](request.account_sid, sid) is None:
            raise invalid(name, f"{sid} was not found", code)
        return sid or None

    async def fetch(self, request: Request) -> Reply:
        """One number."""
        return Reply(json=self.show(await self._one(request)), name="IncomingPhoneNumber")

    async def update(self, request: Request) -> Reply:
        """Its URLs and name."""
        found = await self._one(request)
        changes = await self._changes(request, Form(request.fields)) | {"date_updated": self._clock.wall()}
        await self._numbers.update(request.account_sid, str(found.sid), **changes)
        return Reply(json=self.show(await self._one(request)), name="IncomingPhoneNumber")

    async def release(self, request: Request) -> Reply:
        """Back to the inventory."""
        if not await self._numbers.release(request.account_sid, request.variables["sid"]):
            raise not_found(request.path)
        return Reply(204)

    async def _one(self, request: Request) -> Number:
        found = await self._numbers.fetch(request.account_sid, request.variables["sid"])
        if found is None:
            raise not_found(request.path)
        return found

    async def countries(self, request: Request) -> Reply:
        """Where the inventory has numbers."""
        uri = f"{base(request.account_sid)}/AvailablePhoneNumbers.json"
        return Reply(json={"countries": [self._country(request)], "uri": uri})

    async def country(self, request: Request) -> Reply:
        """One of them."""
        if request.variables["country"].upper() != "US":
            raise not_found(request.path)
        return Reply(json=self._country(request), name="Country")

    @staticmethod
    def _country(request: Request) -> dict[str, Any]:
        path = f"{base(request.account_sid)}/AvailablePhoneNumbers/US"
        return {
            "country_code": "US", "country": "United States", "beta": False, "uri": f"{path}.json",
            "subresource_uris": {"local": f"{path}/Local.json"},
        }  # fmt: skip

    async def available(self, request: Request) -> Reply:
        """A search of the inventory, which knows numbers and no places: voice numbers, in their order."""
        form, page = Form(request.fields), page_of(request)
        country = request.variables["country"].upper()
        code = phonenumbers.country_code_for_region(country)
        if not code:
            raise not_found(request.path)
        form.refuse(*PLACES)
        if any(form.flag(name) for name in ("SmsEnabled", "MmsEnabled", "FaxEnabled", "Beta")):
            return envelope(request, "available_phone_numbers", page, Listing([], False), [])
        patterns = (f"+{code}{_area(form)}%", f"%{_pattern(form)}%")
        numbers = [number.phone_number for number in await self._numbers.available(patterns, MOST_FOUND)]
        found = [number for number in numbers if _region(number) == country]
        start = page.number * page.size
        rows = [_offer(number, country) for number in found[start : start + page.size]]
        more = Listing(rows, len(found) > start + page.size)
        return envelope(request, "available_phone_numbers", page, more, rows)

    @staticmethod
    def show(number: Number) -> dict[str, Any]:
        """As JSON."""
        path = f"{base(str(number.account_sid))}/IncomingPhoneNumbers/{number.sid}"
        shown = {
            "sid": number.sid, "account_sid": number.account_sid, "friendly_name": number.friendly_name,
            "phone_number": number.phone_number, "voice_url": number.voice_url, "voice_method": number.voice_method,
            "voice_fallback_url": number.voice_fallback_url, "voice_fallback_method": number.voice_fallback_method,
            "voice_caller_id_lookup": number.voice_caller_id_lookup, "status_callback": number.status_callback,
            "status_callback_method": number.status_callback_method, "sms_url": number.sms_url,
            "sms_method": number.sms_method, "sms_fallback_url": number.sms_fallback_url,
            "sms_fallback_method": number.sms_fallback_method, "date_created": date(number.date_created),
            "date_updated": date(number.date_updated), "capabilities": CAPABILITIES, "trunk_sid": number.trunk_sid,
            "voice_application_sid": number.voice_application_sid, "sms_application_sid": number.sms_application_sid,
        }  # fmt: skip
        empty = ("identity_sid", "address_sid", "emergency_address_sid", "bundle_sid", "type")
        rest = {
            "voice_receive_mode": "voice", "address_requirements": "none", "beta": False, "origin": "hosted",
            "emergency_status": "Inactive", "emergency_address_status": "unregistered", "api_version": VERSION,
            "status": "in-use", "uri": f"{path}.json",
            "subresource_uris": {"assigned_add_ons": f"{path}/AssignedAddOns.json"},
        }  # fmt: skip
        return {**shown, **dict.fromkeys(empty), **rest}


def _area(form: Form) -> str:
    """AreaCode, or nothing."""
    area = form.text("AreaCode")
    if area and not (area.isascii() and area.isdigit() and len(area) == 3):
        raise ApiError(400, 21451, f"AreaCode {area} is not three digits")
    return area


def _pattern(form: Form) -> str:
    """Contains as SQL's LIKE: digits and letters of the keypad, `*` and `%` for one digit each."""
    text = form.text("Contains").lstrip("+")
    if not _CONTAINS.fullmatch(text):
        raise invalid("Contains", f"{text} has other than digits, letters, * and %")
    pattern: str = phonenumbers.convert_alpha_characters_in_number(text)
    return pattern.replace("*", "_").replace("%", "_")


def _region(number: str) -> str:
    """The country of a number; those that no table has are at home."""
    return phonenumbers.region_code_for_number(phonenumbers.parse(number)) or HOME


def _offer(number: str, country: str) -> dict[str, Any]:
    return {
        "friendly_name": national(number), "phone_number": number, "lata": None, "locality": None, "rate_center": None,
        "latitude": None, "longitude": None, "region": None, "postal_code": None, "iso_country": country,
        "address_requirements": "none", "beta": False, "capabilities": {"voice": True, "SMS": False, "MMS": False},
    }  # fmt: skip
