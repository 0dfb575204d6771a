"""A person's device on matrix-nio, and the waiting that every check needs."""

import secrets
import tempfile
import time

from nio import AsyncClient, AsyncClientConfig, ErrorResponse

PASSWORD = "parta-test-Passw0rd"
# Longest wait for anything that must happen, in seconds.
PATIENCE = 30
# How long a sync waits, in milliseconds.
POLL = 1000


def good(answer):
    """The answer, which must not be an error."""
    assert not isinstance(answer, ErrorResponse), f"{type(answer).__name__}: {answer}"
    return answer


class Person(AsyncClient):
    """One device; remembers what syncs bring."""

    def __init__(self, base, user):
        # Keys are kept in a file of the device's own.
        self.folder = tempfile.TemporaryDirectory()
        config = AsyncClientConfig(encryption_enabled=True, store_sync_tokens=False)
        super().__init__(base, user, store_path=self.folder.name, config=config)
        self.syncs = []

    @classmethod
    async def registered(cls, base, name):
        """A new account and its first device."""
        person = cls(base, f"{name}-{secrets.token_hex(4)}")
        good(await person.register(person.user, PASSWORD, "nio"))
        await person.hear()
        return person

    async def another_device(self):
        """The same account, signed in once more by password."""
        device = Person(self.homeserver, self.user_id)
        good(await device.login(PASSWORD, "nio again"))
        await device.hear()
        return device

    async def hear(self):
        """Syncs once and does the housekeeping of keys that a sync asks for."""
        self.syncs.append(good(await self.sync(timeout=POLL if self.next_batch else 0)))
        if self.should_upload_keys:
            good(await self.keys_upload())
        if self.should_query_keys:
            good(await self.keys_query())
        if self.should_claim_keys:
            good(await self.keys_claim(self.get_users_for_key_claiming()))
        await self.send_to_device_messages()

    async def until(self, what, found):
        """Syncs until `found()` gives something, and gives it."""
        end = time.monotonic() + PATIENCE
        while not (thing := found()):
            assert time.monotonic() < end, f"{what} did not come in {PATIENCE} s"
            await self.hear()
        return thing

    def events(self, room_id):
        """What syncs brought of a room's timeline."""
        joined = (sync.rooms.join.get(room_id) for sync in self.syncs)
        return [event for room in joined if room for event in room.timeline.events]

    def ephemeral(self, room_id):
        """What syncs brought of a room's receipts and typing."""
        joined = (sync.rooms.join.get(room_id) for sync in self.syncs)
        return [event for room in joined if room for event in room.ephemeral]

    async def event(self, room_id, event_id):
        """An event of a room's timeline, once a sync has brought it."""
        events = lambda: next((event for event in self.events(room_id) if event.event_id == event_id), None)
        return await self.until("the event", events)

    async def open(self, **options):
        """Creates a room; gives its id once a sync has brought it."""
        room_id = good(await self.room_create(**options)).room_id
        await self.until("the new room", lambda: room_id in self.rooms)
        return room_id

    async def enter(self, room_id):
        """Joins a room that this person is invited to."""
        await self.until("the invitation", lambda: room_id in self.invited_rooms)
        good(await self.join(room_id))
        await self.until("the room", lambda: room_id in self.rooms)

    async def say(self, room_id, content):
        """Sends a message, to devices that nobody has verified too; gives its event id."""
        content = {"msgtype": "m.text"} | content
        sent = await self.room_send(room_id, "m.room.message", content, ignore_unverified_devices=True)
        return good(sent).event_id
