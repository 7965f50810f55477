"""`Applications`: documents and callbacks that numbers, calls and Dial name by one SID."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.api import readers
from gateway.api.core.shape import VERSION
from gateway.api.resource import Given, Resource
from gateway.store import Store
from gateway.store.voice_rows import Application

BAD_NAME, BAD_URL, BAD_METHOD, NO_LOOKUP = 20002, 21402, 21403, 21409  # Twilio's codes


def applications(store: Store) -> Resource[Application]:
    """The only version of the API is ours, so that ApiVersion is read and nothing is kept of it."""

    async def settle(account_sid: str, old: Application | None, given: Given) -> Given:
        return {column: value for column, value in given.items() if column != "api_version"}

    async def more(rows: Sequence[Application]) -> list[Given]:
        return [{"api_version": VERSION} for _ in rows]

    url, method = readers.coded(readers.url, BAD_URL), readers.coded(readers.method, BAD_METHOD)
    return Resource(
        path="/Applications",
        prefix="AP",
        key="applications",
        rows=store.applications,
        make=Application,
        fields={
            "friendly_name": readers.coded(readers.text(64), BAD_NAME),
            "api_version": readers.word(VERSION),
            "voice_url": url,
            "voice_method": method,
            "voice_fallback_url": url,
            "voice_fallback_method": method,
            "status_callback": url,
            "status_callback_method": method,
            "voice_caller_id_lookup": readers.coded(readers.no_lookup, NO_LOOKUP),
            "sms_url": url,
            "sms_method": method,
            "sms_fallback_url": url,
            "sms_fallback_method": method,
            "sms_status_callback": url,
            "message_status_callback": url,
            "public_application_connect_enabled": readers.flag,
        },
        filters=("friendly_name",),
        settle=settle,
        more=more,
    )
