"""Connectors: recording servers as the operator writes them, in trunkline.toml or through /operator/v1."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from gateway.trunks.model import Strict, Target, checked_targets, targets_of


class Connector(Strict):
    """A recording server (SRS), by the name that `<Siprec connectorName>` says. `uris` as a trunk has them."""

    name: str = Field(min_length=1, max_length=100, pattern=r"^[\w.\-]+$")
    uris: tuple[str | Target, ...] = Field(min_length=1)
    username: str | None = None  # answers its challenges
    password: str = Field(default="", repr=False)
    codecs: tuple[Literal["PCMU", "PCMA"], ...] | None = Field(default=None, min_length=1)  # None: as [media] codecs
    silence_seconds: float = Field(default=8.0, gt=0, le=32)  # to an INVITE, after which the next way is tried
    answer_seconds: float = Field(default=20.0, gt=0, le=300)  # that it may ring

    @field_validator("uris")
    @classmethod
    def _are_uris(cls, value: tuple[str | Target, ...]) -> tuple[str | Target, ...]:
        return checked_targets(value)

    @property
    def targets(self) -> tuple[Target, ...]:
        """`uris`, each with priority and weight; plain ones in their order."""
        return targets_of(self.uris)
