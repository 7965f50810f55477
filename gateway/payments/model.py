"""A payment connector as the operator declares it."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gateway.sections import is_loopback
from gateway.webhooks.errors import FetchError
from gateway.webhooks.url import target


class Connector(BaseModel):
    """`url` takes what was entered (docs/payments.md), signed with `password` or else the account's token.

    In the mode `test` nothing is asked: well-known test cards have their answers. `account_sid`: whose alone it is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")
    url: str = ""
    password: str = ""
    mode: Literal["test", "live"] = "live"
    account_sid: str | None = None

    @field_validator("url")
    @classmethod
    def _safe(cls, url: str) -> str:
        """Card data leaves this machine encrypted, or not at all."""
        if not url:
            return url
        try:
            host = target(url).host
        except FetchError as error:
            raise ValueError(str(error)) from error
        if urlsplit(url).scheme != "https" and not is_loopback(host):
            raise ValueError(f"{url!r} has to be https: only to this machine itself http is allowed")
        return url

    @model_validator(mode="after")
    def _whole(self) -> Connector:
        if self.mode == "live" and not self.url:
            raise ValueError("a connector in the mode live needs a url")
        return self
