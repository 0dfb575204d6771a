"""A bridge on mautrix: its registration, and what it hears."""

import asyncio
import logging
import re
import secrets
import socket

import yaml
from aiohttp import web

from mautrix.appservice import AppService
from mautrix.appservice.state_store.asyncpg import PgASStateStore
from mautrix.util.async_db import Database

DOMAIN = "hs1"
# Longest wait for anything that must happen, in seconds.
PATIENCE = 30


def register(folder):
    """Writes what the server must know before it starts: of a bridge, in the words of mautrix's own registrations, and
    of a service that may act as everybody and hears nothing, which bridges speak as real people with.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    bridge = {
        "id": "bridge", "as_token": secrets.token_hex(), "hs_token": secrets.token_hex(),
        "namespaces": {
            "users": [
                {"exclusive": True, "regex": f"@bridge_.+:{DOMAIN}"},
                {"exclusive": True, "regex": re.escape(f"@bridgebot:{DOMAIN}")},
            ],
            "aliases": [{"exclusive": True, "regex": f"#bridge_.+:{DOMAIN}"}],
        },
        "url": f"http://127.0.0.1:{port}", "sender_localpart": secrets.token_hex(), "rate_limited": False,
        "de.sorunome.msc2409.push_ephemeral": True, "receive_ephemeral": True, "io.element.msc4190": True,
    }
    puppets = {
        "id": "doublepuppet", "url": None, "as_token": secrets.token_hex(), "hs_token": secrets.token_hex(),
        "sender_localpart": secrets.token_hex(), "rate_limited": False,
        "namespaces": {"users": [{"exclusive": False, "regex": f"@.*:{DOMAIN}"}]},
    }
    folder.mkdir(parents=True, exist_ok=True)
    for service in (bridge, puppets):
        (folder / f"{service['id']}.yaml").write_text(yaml.safe_dump(service))
        print(f"registered {service['id']}")


def kind(event_type):
    return lambda event: str(event.type) == event_type


def member(room, user_id, membership):
    return lambda event: (
        kind("m.room.member")(event) and (event.room_id, event.state_key) == (room, user_id)
        and event.content.membership.value == membership)


class Heard:
    """Events in the order in which they were heard, and the waiting for more."""

    def __init__(self):
        self.events = []
        self.news = asyncio.Condition()

    async def hear(self, event):
        self.events.append(event)
        async with self.news:
            self.news.notify_all()

    async def until(self, what, found):
        """Waits until `found()` gives something, and gives it."""
        async def wait():
            async with self.news:
                return await self.news.wait_for(found)
        try:
            return await asyncio.wait_for(wait(), PATIENCE)
        except asyncio.TimeoutError:
            heard = "\n".join(map(str, self.events[-5:]))
            raise AssertionError(f"{what} did not come in {PATIENCE} s; the last that came:\n{heard}") from None

    async def one(self, what, so):
        """The first event that is so, once it is heard."""
        return await self.until(what, lambda: next((event for event in self.events if so(event)), None))

    async def event(self, event_id):
        return await self.one("the event", lambda event: getattr(event, "event_id", None) == event_id)

    def bodies(self, room_id, sender):
        """What somebody has said in a room."""
        return [event.content.body for event in self.events
                if kind("m.room.message")(event) and (event.room_id, event.sender) == (room_id, sender)]


class Bridge(AppService):
    """An application service. The names of its ghosts and of its rooms begin with `bridge_`."""

    def __init__(self, base, registration, database):
        super().__init__(
            base, DOMAIN, registration["as_token"], registration["hs_token"], "bridgebot", registration["id"],
            state_store=PgASStateStore(database), ephemeral_events=True, bridge_name="a bridge",
            aiohttp_params={"middlewares": [self.lose]},
        )
        self.heard = Heard()
        self.matrix_event_handler(self.heard.hear)
        # Else mautrix answers before it has handled an event.
        self.synchronous_handlers = True
        # Transactions as they came, and how many of the next answers are lost on the way.
        self.came, self.lost = [], 0
        # A bridge that cannot read what it is sent, or fails over it, says so in its log alone.
        self.complaints = []
        complaint = logging.Handler(logging.ERROR)
        complaint.emit = lambda record: self.complaints.append(logging.Formatter().format(record))
        logging.getLogger("mau").addHandler(complaint)

    @web.middleware
    async def lose(self, request, handler):
        transaction = request.match_info.get("transaction_id")
        if transaction is None:
            return await handler(request)
        self.came.append(transaction)
        answer = await handler(request)
        if self.lost:
            self.lost -= 1
            raise web.HTTPServiceUnavailable
        return answer

    @classmethod
    async def started(cls, base, folder):
        """The bridge of a registration, listening. What it knows of rooms is kept beside it."""
        registration = yaml.safe_load((folder / "bridge.yaml").read_text())
        database = Database.create(f"sqlite:{folder}/bridge.db", upgrade_table=PgASStateStore.upgrade_table)
        await database.start()
        bridge = cls(base, registration, database)
        bridge.database = database
        await bridge.start(port=int(registration["url"].rsplit(":", 1)[1]))
        return bridge

    async def stop(self):
        await super().stop()
        await self.database.stop()

    def ghost(self, name):
        return self.intent.user(f"@bridge_{name}:{DOMAIN}")
