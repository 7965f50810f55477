"""`DialingPermissions`: which countries an account may call. `Settings`: whether a sub-account takes its parent's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from gateway.api.fields import Form
from gateway.api.http import Reply, Request, Route
from gateway.api.paging import page_of
from gateway.api.resource import Given, Serving
from gateway.billing.ceilings import ceilings_of
from gateway.billing.permissions import effective
from gateway.errors import invalid, not_found
from gateway.numbers import special
from gateway.numbers.countries import COUNTRIES, Country
from gateway.store import Store
from gateway.store.paging import Listing
from gateway.store.sip_rows import DialingPermission
from gateway.store.statements import values

FLAGS = ("low_risk_numbers_enabled", "high_risk_special_numbers_enabled", "high_risk_tollfraud_numbers_enabled")
FILTERS = {"LowRiskNumbersEnabled": FLAGS[0], "HighRiskSpecialNumbersEnabled": FLAGS[1],
           "HighRiskTollfraudNumbersEnabled": FLAGS[2]}  # fmt: skip
BOOLEANS: Mapping[object, bool] = {True: True, False: False, "true": True, "false": False}


class DialingPermissions:
    """The resources. What is shown is what holds: the operator's ceilings, less what the account forbids itself."""

    def __init__(self, store: Store, serving: Serving) -> None:
        self._store = store
        self._permissions = store.sip.permissions
        self._serving = serving

    def routes(self) -> list[Route]:
        """The paths."""
        mount = self._serving.dialect.mount
        countries = f"{mount}/DialingPermissions/Countries"
        return [
            Route(countries, {"GET": self.countries}),
            Route(f"{countries}/{{iso}}", {"GET": self.fetch}),
            Route(f"{countries}/{{iso}}/HighRiskSpecialPrefixes", {"GET": self.prefixes}),
            Route(f"{mount}/DialingPermissions/BulkCountryUpdates", {"POST": self.update}),
            Route(f"{mount}/Settings", {"GET": self.settings, "POST": self.change_settings}),
        ]

    async def countries(self, request: Request) -> Reply:
        """Countries in the order of their names, by Twilio's filters."""
        form = Form(request.fields)
        shown = await self._shown(request, COUNTRIES.values())
        return self._page(request, [one for one in shown if _fits(form, one)])

    async def fetch(self, request: Request) -> Reply:
        """One country."""
        return Reply(json=(await self._shown(request, [self._country(request)]))[0])

    async def prefixes(self, request: Request) -> Reply:
        """What its high-risk special numbers begin with."""
        found = special.prefixes(self._country(request).iso_code)
        return self._page(request, [{"prefix": prefix} for prefix in found])

    async def update(self, request: Request) -> Reply:
        """Changes some countries, all or none of them."""
        text = Form(request.fields).text("UpdateRequest")
        changes = _updates(text, await self._permissions.of(request.account_sid))
        await self._permissions.put(request.account_sid, changes.values())
        return Reply(201, {"update_count": len(changes), "update_request": text})

    async def settings(self, request: Request) -> Reply:
        """Whether it inherits."""
        inherits = await self._permissions.inherits(request.account_sid)
        url = f"{self._serving.dialect.root(request.account_sid)}/Settings"
        return Reply(json={"dialing_permissions_inheritance": inherits, "url": url})

    async def change_settings(self, request: Request) -> Reply:
        """Changes what is given."""
        form = Form(request.fields)
        if form.text("DialingPermissionsInheritance"):
            await self._permissions.inherit(request.account_sid, form.flag("DialingPermissionsInheritance"))
        return replace(await self.settings(request), status=202)

    def _country(self, request: Request) -> Country:
        country = COUNTRIES.get(request.variables["iso"].upper())
        if country is None:
            raise not_found(request.path)
        return country

    def _page(self, request: Request, rows: list[Given]) -> Reply:
        page = page_of(request)
        start = page.number * page.size
        listing: Listing[Any] = Listing(rows, len(rows) > start + page.size)
        return self._serving.dialect.envelope(request, "content", page, listing, rows[start : start + page.size])

    async def _shown(self, request: Request, countries: Iterable[Country]) -> list[Given]:
        own = await self._permissions.of(request.account_sid)
        ceilings = await ceilings_of(self._store, request.account_sid)
        root = self._serving.dialect.root(request.account_sid)

        def show(country: Country) -> Given:
            code, url = country.iso_code, f"{root}/DialingPermissions/Countries/{country.iso_code}"
            allowed = effective(ceilings, own.get(code, DialingPermission(code)))
            return {
                "iso_code": code, "name": country.name, "continent": country.continent,
                "country_codes": [country.country_code], **{flag: getattr(allowed, flag) for flag in FLAGS}, "url": url,
                "links": {"highrisk_special_prefixes": f"{url}/HighRiskSpecialPrefixes"},
            }  # fmt: skip

        return [show(country) for country in countries]


def _fits(form: Form, country: Given) -> bool:
    """Twilio's filters of the list."""
    words = {"IsoCode": [country["iso_code"]], "Continent": [country["continent"]],
             "CountryCode": [code.lstrip("+") for code in country["country_codes"]]}  # fmt: skip
    return all(
        form.text(name).lstrip("+ ").upper() in values for name, values in words.items() if form.text(name)
    ) and all(form.flag(name) == country[flag] for name, flag in FILTERS.items() if form.text(name))


def _updates(text: str, known: Mapping[str, DialingPermission]) -> dict[str, DialingPermission]:
    """The changed countries from a JSON array of objects, whose flags are true or false, as words too."""
    try:
        wanted = json.loads(text)
    except (ValueError, RecursionError):
        wanted = None
    if not isinstance(wanted, list) or not wanted or not all(isinstance(one, dict) for one in wanted):
        raise invalid("UpdateRequest", "it is not a JSON array of objects")
    changed: dict[str, DialingPermission] = {}
    for one in wanted:
        iso_code = str(one.get("iso_code", "")).upper()
        if iso_code not in COUNTRIES:
            raise invalid("UpdateRequest", f"{iso_code or 'nothing'} is not the iso_code of a country")
        before = changed.get(iso_code) or known.get(iso_code) or DialingPermission(iso_code)
        flags = {flag: _flag(flag, one[flag]) for flag in FLAGS if flag in one}
        changed[iso_code] = DialingPermission(**{**values(before), **flags})
    return changed


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool | str) or value not in BOOLEANS:
        raise invalid("UpdateRequest", f"{name} is true or false, not {value}")
    return BOOLEANS[value]
