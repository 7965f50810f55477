"""Our registrations at carriers, by name: begun, changed, ended, and told where a connection is gone."""

from __future__ import annotations

from sip.commands import Register, Unregister
from sip.layer import Layer, Output
from sip.outputs import Flow
from sip.registration import Registration


class Registrations:
    """One at a time under each name."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self._registrations: dict[str, Registration] = {}

    def start(self, command: Register, now: float) -> list[Output]:
        """Registers; the one before is taken back, unless it is the same binding at the registrar."""
        before = self._registrations.pop(command.registration, None)
        registration = self._registrations[command.registration] = Registration(self._layer, command)
        if before is not None and before.binding == registration.binding:
            before.drop()
            before = None
        return [*(before.stop(now) if before is not None else []), *registration.start(now)]

    def stop(self, command: Unregister, now: float) -> list[Output]:
        """Takes one back."""
        before = self._registrations.pop(command.registration, None)
        return before.stop(now) if before is not None else []

    def lost(self, flow: Flow, now: float) -> None:
        """A connection is gone that registrars may have known us by."""
        for registration in self._registrations.values():
            registration.lost(flow, now)
