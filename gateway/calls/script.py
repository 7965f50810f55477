"""What drives a call: fetch a document, parse it, run it, and go where it leads, until the call ends."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from gateway.calls.call import Call
from gateway.calls.conferences import dial_conference
from gateway.calls.control import Control
from gateway.calls.dial import dialler
from gateway.calls.race import Overtaken, during, passed
from gateway.calls.sources import Dialling, Fetch, Inline, Source, TakingPart, Transferred, Validating
from gateway.calls.standby import Standby
from gateway.webhooks.errors import FetchError, about
from gateway.webhooks.request import WebhookRequest
from gateway.webhooks.url import resolve
from twiml import document, interpreter
from twiml.errors import TwimlError, place
from twiml.outcome import Redirect
from twiml.prompts import Prompt, Speech

LOG = logging.getLogger(__name__)

NO_ACTION, RELATIVE = 11100, 15004  # Twilio: URL malformed; relative action with inline markup
MOST_QUICK = 10  # documents one after the other of which none took as long as this:
BREATH = 1.0  # seconds, which are waited before the next: a document may lead to itself for ever
SORRY = "We are sorry. An application error has occurred. Goodbye."


class Script:
    """The run of documents on one call. `replace` makes it leave the running verb for another document."""

    def __init__(self, call: Call, source: Source, standby: Standby | None = None) -> None:
        self._call = call
        self._source: Source | None = source
        self.standby = standby or Standby(None, "")
        self._stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._next: Source | None = None
        self.running = False

    def replace(self, source: Source) -> None:
        """Runs another document instead, at once."""
        self._next = source
        self._interrupt()

    async def run(self) -> None:
        """Runs to the end: the last document's, or the call's."""
        leg = self._call.leg
        assert leg is not None
        self.running = True
        leg.gone.add_done_callback(self._interrupt)
        source, now, quick = self._source, asyncio.get_running_loop().time, 0
        while source is not None and not leg.gone.done():
            began = now()
            source = await self._step(source)
            quick = quick + 1 if now() - began < BREATH else 0
            if quick > MOST_QUICK and not self._stop.done():
                source = await self._breathe(source)
        self.running = False
        leg.hangup()

    def _interrupt(self, _: object = None) -> None:
        if not self._stop.done():
            self._stop.set_result(None)

    async def _breathe(self, source: Source | None) -> Source | None:
        """For documents that do nothing but lead to the next: what comes next, after a moment."""
        try:
            await passed(BREATH, self._stop)
        except Overtaken:
            return self._replaced()
        return source

    async def _step(self, source: Source) -> Source | None:
        """Runs one document; the next source, or None when there is none."""
        leg = self._call.leg
        assert leg is not None
        if not leg.gone.done():
            self._stop = asyncio.get_running_loop().create_future()
        if isinstance(source, Dialling):
            return await self._dial(source)
        if isinstance(source, TakingPart | Transferred | Validating):
            return await self._go_on(source)
        base = source.url if isinstance(source, Fetch) else None
        try:
            base, parsed = await during(self._load(source), self._stop)
            self._call.document_came(True)
            self._call.base = base
            for warning in parsed.warnings:
                self._call.warn(warning.code, f"{place(warning)} of {base or 'Twiml'}: {warning.message}")
            outcome = await interpreter.run(parsed, Control(self._call, base, self._stop))
            if self._next is not None:  # another document came as the last verb ended
                raise Overtaken
            follow = self._follow(outcome, base) if isinstance(outcome, Redirect) else None
        except Overtaken:
            return self._replaced()
        except (FetchError, TwimlError) as error:
            self._call.document_came(False)
            return await self._after(error, source, base)
        if leg.gone.done() and isinstance(follow, Fetch):
            await self._tell(follow)
            return None
        return follow

    async def _dial(self, source: Dialling) -> Source | None:
        """Joins the caller with the far end, or tells it why not."""
        leg = self._call.leg
        assert leg is not None
        try:
            control = Control(self._call, None, self._stop)
            dialled = await dialler.dial(control, source.plan, source.transfers, source.hops)
        except Overtaken:
            return self._replaced()
        status, said = dialled.params["DialCallStatus"], dialled.sip_status
        if leg.gone.done() or status == "completed":
            return None
        if status == "failed" and source.recovery is not None:
            LOG.info("- going on with the disaster recovery URL %s", source.recovery.url)
            code = {"DialSipResponseCode": str(said)} if said else {}
            return replace(source.recovery, params={**source.recovery.params, **code})
        leg.refuse(dialler.refused_with(dialled))
        return None

    async def _go_on(self, source: TakingPart | Transferred | Validating) -> Source | None:
        control = Control(self._call, None, self._stop)
        try:
            if isinstance(source, TakingPart):
                await dial_conference.come_in(control, source.conference)
            else:
                await source.run(control)
        except Overtaken:
            return self._replaced()
        return None

    async def _load(self, source: Fetch | Inline) -> tuple[str | None, document.Document]:
        if isinstance(source, Inline):
            return None, document.parse(source.twiml)
        answer = await self._call.services.webhooks.fetch(self._request(source))
        self._call.services.metrics.webhooks.labels("ok").inc()
        LOG.info("> %s %s: %d, %d bytes", source.method, source.url, answer.status, len(answer.body))
        return answer.url, document.from_response(answer.body, answer.content_type, answer.url)

    def _request(self, source: Fetch) -> WebhookRequest:
        return WebhookRequest(
            account_sid=self._call.row.account_sid,
            url=source.url,
            method=source.method,
            params=self._call.params(dict(source.params)),
            jar=self._call.jar,
            subject=self._call.sid,
        )

    def _follow(self, redirect: Redirect, base: str | None) -> Fetch:
        """The next document; TwimlError where an inline document leads nowhere."""
        if base is None and (redirect.url is None or "://" not in redirect.url):
            code = NO_ACTION if redirect.url is None else RELATIVE
            raise TwimlError(code, "a document without a URL of its own needs an absolute action or URL", 0)
        url = resolve(base, redirect.url) if redirect.url else base
        assert url is not None
        return Fetch(url, redirect.method, redirect.params)

    async def _tell(self, follow: Fetch) -> None:
        """Requests an action whose call is over; its answer changes nothing."""
        await self._call.over()
        try:
            await self._call.services.webhooks.fetch(self._request(follow))
        except FetchError as error:
            self._call.warn(error.code, about(follow.url, error), request_url=follow.url)

    async def _after(self, error: FetchError | TwimlError, source: Fetch | Inline, base: str | None) -> Source | None:
        """What follows a document that could not be had or run: what stands by, or an announcement and the end."""
        self._call.services.metrics.webhooks.labels("failed").inc()
        where = base or "the Twiml parameter"
        line = f", {place(error)}" if isinstance(error, TwimlError) and error.line else ""
        method = source.method if isinstance(source, Fetch) else ""
        self._call.fail(error.code, about(f"{where}{line}", error), request_url=where, request_method=method)
        if (standing := self.standby.next(source, error.code, base or "")) is not None:
            LOG.info("- going on with %s", standing.url if isinstance(standing, Fetch) else "the fallback document")
            return standing
        control = Control(self._call, None, self._stop)
        try:
            await control.play([Prompt(Speech(SORRY, "man", "en-US"))])
        except Overtaken:
            return self._replaced()
        return None

    def _replaced(self) -> Source | None:
        """The document that took over, None where the call ended."""
        source, self._next = self._next, None
        return source
