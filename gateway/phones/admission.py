"""Who may call a SIP domain: addresses of its access lists, users of its credential lists, or nobody.

A domain that uses lists of both kinds wants both. Trunks are admitted in gateway/trunks/admission.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.phones.directory import CALLS, Directory, Domain
from gateway.phones.logins import Logins
from gateway.trunks import networks
from gateway.trunks.admission import Refusal
from gateway.trunks.gate import Gate
from sip.message import Request
from sip.outputs import Flow

SECURE = ("tls", "wss")


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call that a domain takes; `user` is who logged in, None where the address is enough."""

    user: str | None = None


class DomainAdmission:
    """Decides on INVITEs to SIP domains."""

    def __init__(self, directory: Directory, logins: Logins, gate: Gate) -> None:
        self._directory = directory
        self._logins = logins
        self._gate = gate

    async def of(self, domain: Domain, request: Request, flow: Flow, now: float) -> Admitted | Refusal:
        """Whether a domain takes a call."""
        name, source = domain.domain_name, flow.remote[0]
        wanted = await self._directory.auth_types(domain, CALLS)
        if not wanted:
            return Refusal(403, f"{name} has neither a credential list nor an access list: nobody may call it")
        if domain.secure and flow.transport not in SECURE:
            return Refusal(403, f"{name} is called over TLS only, not over {flow.transport}")
        if "IP_ACL" in wanted and not await self._is_near(domain, source):
            return Refusal(403, f"{source} is in no access list of {name}")
        if "CREDENTIAL_LIST" not in wanted:
            self._gate.proved(flow.remote, now)
            return Admitted()
        login = await self._logins.of(domain, request, flow.remote, CALLS, now)
        if login.user is None:
            return Refusal(401, f"{source} to {name}: {login.why}", login.headers, login.asks, login.tried)
        return Admitted(login.user)

    async def _is_near(self, domain: Domain, source: str) -> bool:
        return networks.hold(await self._directory.networks(domain), source)
