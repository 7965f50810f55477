"""The store: all repositories on one database."""

from __future__ import annotations

from gateway.clock import Clock
from gateway.store import tables, voice_tables
from gateway.store.caller_ids import CallerIds
from gateway.store.conferences import Conferences
from gateway.store.database import Database
from gateway.store.message_subscriptions import MessageSubscriptions
from gateway.store.old import Old
from gateway.store.operator import Operator
from gateway.store.outbox import Outbox
from gateway.store.owned import Owned
from gateway.store.queues import Queues
from gateway.store.registrations import Registrations
from gateway.store.repositories import Accounts, Calls, Notifications, Numbers, Recordings
from gateway.store.requests import Requests
from gateway.store.secret import SecretKey
from gateway.store.sip import Sip
from gateway.store.siprecs import Siprecs
from gateway.store.voice_rows import Application, Message


class Store:
    """Everything that outlives the process."""

    def __init__(self, database: Database, secret: SecretKey) -> None:
        self._database = database
        self.accounts = Accounts(database, secret)
        self.numbers = Numbers(database)
        self.calls = Calls(database)
        self.recordings = Recordings(database)
        self.conferences = Conferences(database)
        self.notifications = Notifications(database)
        self.outbox = Outbox(database)
        self.requests = Requests(database)
        self.operator = Operator(database, secret)
        self.sip = Sip(database, secret)
        self.applications = Owned(
            database, voice_tables.applications, Application,
            links=(tables.numbers.c.voice_application_sid, tables.numbers.c.sms_application_sid),
        )  # fmt: skip
        self.caller_ids = CallerIds(database)
        self.queues = Queues(database)
        self.messages = Owned(database, voice_tables.messages, Message)
        self.siprecs = Siprecs(database)
        self.message_subscriptions = MessageSubscriptions(database)
        self.registrations = Registrations(database)
        self.old = Old(database)

    @classmethod
    async def open(
        cls, url: str, clock: Clock, secret: SecretKey, durability: str = "process", gathering: float = 0.0
    ) -> Store:
        """Opens and migrates the database at `url` (SQLAlchemy's form)."""
        return cls(await Database.open(url, clock, durability, gathering), secret)

    def hurry(self) -> None:
        """The process ends: nobody waits for a database that takes nothing."""
        self._database.hurry()

    async def close(self) -> None:
        """Commits what was queued and closes."""
        await self._database.close()
