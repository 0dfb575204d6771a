"""A device on mautrix that syncs, of a person or of the bridge's own user."""

import secrets

from mautrix.api import Method, Path
from mautrix.client import Client
from mautrix.client.state_store.asyncpg import PgStateStore
from mautrix.crypto import MemoryCryptoStore, OlmMachine
from mautrix.types import EventType
from mautrix.util.async_db import Database

from bridge import PATIENCE, Heard, kind, member

PASSWORD = "parta-test-Passw0rd"


class Person(Client):
    """One device, with its keys; remembers what syncs bring."""

    @classmethod
    async def at(cls, base):
        """A device that nobody has yet."""
        # What it knows of rooms, which only a database tells its encryption.
        database = Database.create("sqlite::memory:", upgrade_table=PgStateStore.upgrade_table)
        await database.start()
        keys = MemoryCryptoStore("", "a pickle key")
        person = cls(base_url=base, sync_store=keys, state_store=PgStateStore(database))
        person.database, person.heard = database, Heard()
        person.crypto = OlmMachine(person, keys, person.state_store)
        person.add_event_handler(EventType.ALL, person.heard.hear)
        return person

    @classmethod
    async def registered(cls, base, name):
        """A new account and its first device."""
        person = await cls.at(base)
        account = await person.api.request(Method.POST, Path.v3.register, {
            "username": f"{name}-{secrets.token_hex(4)}", "password": PASSWORD, "auth": {"type": "m.login.dummy"},
        })
        person.mxid, person.device_id, person.api.token = (
            account["user_id"], account["device_id"], account["access_token"])
        await person.begin()
        return person

    async def begin(self):
        """Shows its keys and syncs from now on."""
        await self.crypto.load()
        await self.crypto.crypto_store.put_device_id(self.device_id)
        await self.crypto.share_keys()
        self.start(None)

    async def enter(self, room_id):
        """Joins a room that this person is invited to; gives the invitation."""
        invitation = await self.heard.one("the invitation", member(room_id, self.mxid, "invite"))
        await self.join_room(room_id)
        return invitation

    async def read(self, event_id):
        """An encrypted message, once its key is here too."""
        event = await self.heard.event(event_id)
        assert kind("m.room.encrypted")(event), "sent in the clear"
        session = event.content.session_id
        if not await self.crypto.crypto_store.has_group_session(event.room_id, session):
            assert await self.crypto.wait_for_session(event.room_id, session, PATIENCE), "the key did not come"
        return await self.crypto.decrypt_megolm_event(event)

    async def event(self, room_id, event_id):
        """An event as the server tells it, with what mautrix leaves out."""
        return await self.api.request(Method.GET, Path.v3.rooms[room_id].event[event_id])

    async def close(self):
        self.stop()
        await self.api.session.close()
        await self.database.stop()
