#!/usr/bin/env python3
"""What a program on matrix-nio does, done against the server whose base URL is given: a line for every check that
passed, and an exit code other than 0 with the reason at the first that failed. matrix-nio knows neither cross-signing
nor key backup, search or sliding sync.
"""

import asyncio
import io
import logging
import struct
import sys
import zlib

from nio import (
    EnableEncryptionBuilder,
    MegolmEvent,
    MessageDirection,
    RoomMessageText,
    TypingNoticeEvent,
)
from nio.api import RelationshipType
from nio.crypto.attachments import decrypt_attachment
from nio.crypto.sas import SasState

from person import Person, good


async def conversation(anna, boris):
    room = await anna.open(name="9 «А»", topic="Класс", invite=[boris.user_id])
    await boris.enter(room)
    assert boris.rooms[room].name == "9 «А»" and boris.rooms[room].topic == "Класс"

    sent = await anna.say(room, {"body": "Здравствуйте"})
    read = await boris.event(room, sent)
    assert (read.body, read.sender) == ("Здравствуйте", anna.user_id)
    print("messages")

    await anna.say(room, {
        "body": "* Добрый день", "m.new_content": {"msgtype": "m.text", "body": "Добрый день"},
        "m.relates_to": {"rel_type": "m.replace", "event_id": sent},
    })
    edits = [edit async for edit in boris.room_get_event_relations(room, sent, RelationshipType.replacement)]
    assert [edit.source["content"]["m.new_content"]["body"] for edit in edits] == ["Добрый день"], edits
    print("edits")

    good(await boris.room_send(room, "m.reaction", {
        "m.relates_to": {"rel_type": "m.annotation", "event_id": sent, "key": "👍"},
    }))
    reaction = await anna.until("the reaction", lambda: next(
        (event for event in anna.events(room) if event.source["type"] == "m.reaction"), None))
    assert (reaction.reacts_to, reaction.key) == (sent, "👍")
    print("reactions")

    in_thread = {"rel_type": "m.thread", "event_id": sent}
    answers = [await boris.say(room, {"body": f"Ответ {n}", "m.relates_to": in_thread}) for n in (1, 2)]
    roots = [root async for root in anna.room_get_threads(room)]
    assert [root.event_id for root in roots] == [sent], roots
    assert roots[0].source["unsigned"]["m.relations"]["m.thread"]["count"] == 2
    replies = [reply async for reply in anna.room_get_event_relations(room, sent, RelationshipType.thread)]
    assert [reply.event_id for reply in replies] == answers[::-1], replies
    print("threads")

    good(await boris.update_receipt_marker(room, sent))
    def receipt():
        found = (receipt for event in anna.ephemeral(room) for receipt in getattr(event, "receipts", []))
        return next((one for one in found if one.user_id == boris.user_id and one.event_id == sent), None)
    assert (await anna.until("the receipt", receipt)).receipt_type == "m.read"
    good(await boris.room_read_markers(room, sent, sent))
    await boris.until("the read marker", lambda: boris.rooms[room].fully_read_marker == sent)
    print("read receipts and markers")

    good(await boris.room_typing(room))
    await anna.until("typing", lambda: any(
        isinstance(event, TypingNoticeEvent) and boris.user_id in event.users for event in anna.ephemeral(room)))
    print("typing")

    good(await anna.room_redact(room, answers[1], "повтор"))
    context = good(await boris.room_context(room, answers[1]))
    assert type(context.event).__name__ == "RedactedEvent" and context.event.reason == "повтор", context.event
    print("redaction and context")

    lessons = [await anna.say(room, {"body": f"Урок {n}"}) for n in range(30)]
    found, start = [], ""
    while start is not None:
        page = good(await boris.room_messages(room, start, direction=MessageDirection.back, limit=12))
        found += [event.event_id for event in page.chunk if event.event_id in lessons]
        start = page.end
    assert found == lessons[::-1], "every message once, in order"
    print("history")
    return room


async def spaces(anna, boris, room):
    space = await anna.open(name="Академия", space=True, invite=[boris.user_id])
    good(await anna.room_put_state(space, "m.space.child", {"via": ["hs1"], "order": "a"}, room))
    await boris.enter(space)
    assert boris.rooms[space].room_type == "m.space"
    hierarchy = good(await boris.space_get_hierarchy(space))
    assert [found["room_id"] for found in hierarchy.rooms] == [space, room], hierarchy
    assert hierarchy.rooms[0]["children_state"][0]["state_key"] == room
    print("spaces with hierarchy")


def png(width, height):
    """A picture in one colour."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = (b"\0" + b"\x20\x90\x40" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


async def media(anna, boris):
    picture = png(400, 300)
    up, _ = await anna.upload(io.BytesIO(picture), "image/png", "Доска.png", filesize=len(picture))
    uri = good(up).content_uri
    down = good(await boris.download(uri))
    assert (down.body, down.content_type, down.filename) == (picture, "image/png", "Доска.png")
    server, media_id = uri.removeprefix("mxc://").split("/")
    small = good(await boris.thumbnail(server, media_id, 80, 60))
    assert small.content_type.startswith("image/") and 0 < len(small.body)
    print("media up and down, thumbnails")

    up, keys = await anna.upload(io.BytesIO(picture), "image/png", encrypt=True, filesize=len(picture))
    secret = good(await boris.download(good(up).content_uri)).body
    assert secret != picture
    assert decrypt_attachment(secret, keys["key"]["k"], keys["hashes"]["sha256"], keys["iv"]) == picture
    print("encrypted attachments")


async def people(anna, boris):
    good(await anna.set_displayname("Анна"))
    good(await anna.set_presence("online", "на уроке"))
    assert good(await boris.get_profile(anna.user_id)).displayname == "Анна"
    chat = await anna.open(is_direct=True, invite=[boris.user_id])
    await boris.enter(chat)
    assert boris.rooms[chat].users[anna.user_id].display_name == "Анна"
    presence = good(await boris.get_presence(anna.user_id))
    assert (presence.presence, presence.status_msg) == ("online", "на уроке"), presence
    assert good(await boris.whoami()).user_id == boris.user_id
    print("profiles and presence")


async def encrypted(anna, boris, text):
    """An encrypted room of two with a message, which both can read."""
    start = [EnableEncryptionBuilder().as_dict()]
    room = await anna.open(invite=[boris.user_id], initial_state=start)
    await boris.enter(room)
    assert boris.rooms[room].encrypted
    await anna.until("Boris", lambda: boris.user_id in anna.rooms[room].users)
    await anna.until("the devices of Boris", lambda: list(anna.device_store.active_user_devices(boris.user_id)))
    for person, other in ((anna, boris), (boris, anna)):
        sent = await person.say(room, {"body": text})
        read = await other.event(room, sent)
        assert isinstance(read, RoomMessageText) and read.body == text, read
        assert read.decrypted, "sent in the clear"
    return room, sent


async def encryption(anna, boris):
    room, sent = await encrypted(anna, boris, "Только нам")
    print("an encrypted room")

    keys = f"{boris.folder.name}/keys"
    await boris.export_keys(keys, "a pass phrase", count=1000)
    again = await boris.another_device()
    unread = await again.event(room, sent)
    assert isinstance(unread, MegolmEvent), "a new device reads what it has no keys for"
    await again.import_keys(keys, "a pass phrase")
    assert again.decrypt_event(unread).body == "Только нам"
    print("keys exported, and imported on a new device")
    return again


async def verification(first, second):
    """Two devices compare emoji (client-server API, "Short Authentication String (SAS) verification")."""
    def device(of, seen_by):
        return seen_by.device_store[of.user_id].get(of.device_id)
    first.users_for_key_query.add(second.user_id)
    second.users_for_key_query.add(first.user_id)
    await first.until("the other device", lambda: device(second, first))
    await second.until("the first device", lambda: device(first, second))
    good(await first.start_key_verification(device(second, first)))
    asking = first.get_active_sas(second.user_id, second.device_id)
    transaction = asking.transaction_id
    asked = await second.until("the request", lambda: second.key_verifications.get(transaction))
    good(await second.accept_key_verification(transaction))
    # The keys nio sends by itself: the asking device when it hears of the acceptance, the other when it has that key.
    await first.until("the acceptance", lambda: asking.state is SasState.accepted)
    await second.until("the key", lambda: asked.established_sas)
    await first.until("the other key", lambda: asking.established_sas)
    assert asking.get_emoji() == asked.get_emoji() and len(asking.get_emoji()) == 7
    for one in (first, second):
        good(await one.confirm_short_auth_string(transaction))
    for one, sas, other in ((first, asking, second), (second, asked, first)):
        await one.until("the end of verification", lambda sas=sas: sas.verified)
        assert device(other, one).verified
    print("verification by emoji")


async def main(base):
    anna, boris = await Person.registered(base, "anna"), await Person.registered(base, "boris")
    devices = [anna, boris]
    try:
        devices.append(await anna.another_device())
        assert devices[-1].device_id != anna.device_id
        good(await devices[-1].logout())
        print("sign-in by password, sign-out")
        room = await conversation(anna, boris)
        await spaces(anna, boris, room)
        await media(anna, boris)
        await people(anna, boris)
        devices.append(await encryption(anna, boris))
        await verification(boris, devices[-1])
        await verification(anna, boris)
    finally:
        for device in devices:
            await device.close()


if __name__ == "__main__":
    # What nio warns of here is its own affair: a device without keys, an event that cannot be read yet.
    logging.disable(logging.WARNING)
    asyncio.run(main(sys.argv[1].rstrip("/")))
