"""Bindings as rows of the store and back: monotonic ends as wall times, ways back as text.

What was reached over a connection of another process is not reached over it any more; UDP does not know the difference.
"""

from __future__ import annotations

import json
from datetime import timedelta

from gateway.clock import Clock
from gateway.store.registrations import Registration
from sip.bindings import Binding
from sip.outputs import Flow


def to_row(binding: Binding, account_sid: str, address: str, clock: Clock) -> Registration:
    """A binding as it is kept."""
    left = timedelta(seconds=binding.expires - clock.now())
    flow = binding.flow
    return Registration(
        account_sid=account_sid,
        address=address,
        contact=_kept(binding.contact),
        expires=clock.wall() + left,
        call_id=_kept(binding.call_id),
        cseq=binding.cseq,
        q=binding.q,
        path=json.dumps(binding.path),
        flow="" if flow is None else json.dumps([flow.transport, flow.local, flow.remote, flow.id]),
        instance=_kept(binding.instance),
        reg_id=binding.reg_id,
        user_agent=_kept(binding.user_agent),
    )


def to_binding(row: Registration, clock: Clock) -> Binding | None:
    """A binding of an earlier process; None where nothing leads there any more."""
    flow: Flow | None = None
    if row.flow:
        transport, local, remote, number = json.loads(row.flow)
        flow = Flow(transport, tuple(local), tuple(remote), number)
    binding = Binding(
        contact=_read(row.contact),
        expires=clock.now() + (row.expires - clock.wall()).total_seconds(),
        call_id=_read(row.call_id),
        cseq=row.cseq,
        q=row.q,
        path=tuple(json.loads(row.path)),
        flow=flow,
        instance=_read(row.instance),
        reg_id=row.reg_id,
        user_agent=_read(row.user_agent),
    )
    return binding.without_flow() if flow is not None and flow.reliable else binding


def _kept(text: str) -> str:
    """A phone's text for a database, which takes no bytes that are no text: ASCII, the rest escaped as in JSON."""
    return json.dumps(text)[1:-1]


def _read(text: str) -> str:
    return str(json.loads(f'"{text}"'))
