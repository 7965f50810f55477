"""SIP domains as a customer makes them, and simulated phones that register to them and call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.store.sip_rows import AccessList, Address, Credential, CredentialList, Domain
from media import negotiate
from sip.commands import Accept, Credentials, Hangup, Invite, Provisional, Refuse, Register, Unregister
from sip.events import Answered, Ended, Event, Invited, Registered, Unregistered
from tests.lib.whole import HOST, SimulatedEndpoint, Whole

DOMAIN = "phones.example"
GATEWAY = "sip:127.0.0.2:5060"
USERS = {"alice": "Wonderland-1865", "bob": "Rock-and-roll-42"}


async def domain(
    one: Whole[Any],
    name: str = DOMAIN,
    *,
    calls: Mapping[str, str] | None = USERS,
    registrations: Mapping[str, str] | None = USERS,
    networks: Sequence[str] = (),
    account_sid: str | None = None,
    **fields: Any,
) -> Domain:
    """Makes a domain with its lists: users who may call, users who may register, networks that may call."""
    services = one.services
    now, sip, sids = services.clock.wall(), services.store.sip, services.sids
    account = account_sid or (await services.store.accounts.all())[0].account_sid
    owned: dict[str, Any] = {"account_sid": account, "date_created": now, "date_updated": now}
    fields = {"voice_url": f"{HOST}/voice", "sip_registration": True, **fields}
    made = Domain(sid=sids.new("SD"), domain_name=name, **owned, **fields)
    assert await sip.domains.insert(made)
    for users, mappings in ((calls, sip.call_credentials), (registrations, sip.registration_credentials)):
        if users is None:
            continue
        users_list = CredentialList(sid=sids.new("CL"), friendly_name=sids.new("CL"), **owned)
        await sip.credential_lists.insert(users_list)
        for user, password in users.items():
            entry = Credential(
                sid=sids.new("CR"), credential_list_sid=users_list.sid, username=user, password=password, **owned
            )
            await sip.credentials.insert(entry)
        assert await mappings.insert(account, made.sid, users_list.sid, now)
    if networks:
        near = AccessList(sid=sids.new("AL"), friendly_name="near", **owned)
        await sip.access_lists.insert(near)
        for network in networks:
            ip, _, length = network.partition("/")
            entry_of = Address(
                sid=sids.new("IP"), ip_access_control_list_sid=near.sid, friendly_name=ip, ip_address=ip,
                cidr_prefix_length=int(length or 32), **owned,
            )  # fmt: skip
            await sip.addresses.insert(entry_of)
        assert await sip.call_addresses.insert(account, made.sid, near.sid, now)
    return made


class Phone:
    """A user's phone: registers, calls, is called and does what the test says."""

    def __init__(self, one: Whole[Any], user: str, ip: str, port: int = 5060) -> None:
        self.user, self.ip = user, ip
        self.media_ip = ip  # which SDP says
        self.events: list[Event] = []
        self.endpoint = SimulatedEndpoint(one.wire, (ip, port), self._hear)

    def register(self, password: str | None = None, *, expires: int = 600, name: str = DOMAIN, user: str = "") -> None:
        """REGISTER with the user's password, or a wrong one; `user` of somebody else."""
        credentials = Credentials(self.user, password or USERS[self.user])
        address = f"<sip:{user or self.user}@{name}>"
        self.endpoint.apply(Register("r", GATEWAY, address, self.user, expires, credentials))

    def unregister(self) -> None:
        """REGISTER with Expires 0."""
        self.endpoint.apply(Unregister("r"))

    def call(
        self, to: str, password: str | None = None, *headers: tuple[str, str], name: str = DOMAIN, session: str = "c"
    ) -> None:
        """INVITE to a user of the domain; an empty password: no login."""
        secret = USERS.get(self.user, "") if password is None else password
        credentials = Credentials(self.user, secret) if secret else None
        sdp = negotiate.offer(self.media_ip, 4000, ("PCMU",), session_id=1, version=1)
        uri, from_ = f"sip:{to}@{name}", f"<sip:{self.user}@{name}>"
        self.endpoint.apply(Invite(session, uri, from_, f"<{uri}>", sdp, headers, credentials, via_target=GATEWAY))

    def hide(self, ip: str) -> None:
        """From now on it calls itself by an address that only its own network knows."""
        self.endpoint.agent._layer.naming.address = lambda flow: (ip, 5060)  # type: ignore[method-assign]

    def answer(self) -> None:
        """200."""
        offer = self.said(Invited)[-1].sdp
        sdp, _ = negotiate.answer(offer, self.media_ip, 5000, ("PCMU",), session_id=2, version=1)
        self.endpoint.apply(Accept(self.session, sdp))

    def refuse(self, status: int) -> None:
        """A final failure."""
        self.endpoint.apply(Refuse(self.session, status))

    def hangup(self) -> None:
        """BYE of the call that came in."""
        self.endpoint.apply(Hangup(self.session))

    @property
    def session(self) -> str:
        """The session of the last call that came in."""
        return str(self.said(Invited)[-1].session)

    def said(self, kind: type[Event]) -> list[Any]:
        """Its events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def rings(self) -> bool:
        """Whether a call has come in and is not over."""
        return len(self.said(Invited)) > len(self.said(Ended))

    def ended(self) -> Ended | None:
        """How its last call ended."""
        return next(iter(reversed(self.said(Ended))), None)

    def is_answered(self) -> bool:
        """Whether its call was answered."""
        return bool(self.said(Answered))

    def is_registered(self) -> bool:
        """What its last REGISTER came to."""
        last = [event for event in self.events if isinstance(event, Registered | Unregistered)][-1]
        return isinstance(last, Registered)

    def _hear(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Invited):
            self.endpoint.apply(Provisional(event.session))
