#!/usr/bin/env python3
"""What a bridge on mautrix does, done against the server whose base URL is given: a line for every check that passed,
and an exit code other than 0 with the reason at the first that failed.

    check.py register FOLDER    writes the registrations that the server reads before it starts
    check.py BASE FOLDER        is the bridge of these registrations
"""

import asyncio
import sys
from pathlib import Path as Folder

import yaml

from mautrix.api import Method, Path
from mautrix.client import ClientAPI
from mautrix.errors import MExclusive, MForbidden, MNotFound
from mautrix.types import (
    EventType,
    LoginType,
    PaginationDirection,
    PresenceState,
    ReceiptType,
    RoomCreatePreset,
    RoomDirectoryVisibility,
    TextMessageEventContent,
)

from bridge import DOMAIN, Bridge, kind, member, register
from person import Person

PICTURE = bytes.fromhex(  # a PNG of one point
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000" "1f15c4890000000d49444154789c6360606060000000"
    "050001a5f645400000000049454e44ae426082")
# When the class of 2017 wrote.
LONG_AGO = 1_500_000_000_000


def text(body):
    return TextMessageEventContent(msgtype="m.text", body=body)


async def refused(error, call):
    try:
        await call
    except error:
        return
    raise AssertionError(f"this is not refused as {error.__name__}")


async def start(bridge):
    bot = bridge.intent
    await bot.ensure_registered()
    assert (await bot.versions()).supports_at_least("v1.11")
    assert (await bot.whoami()).user_id == bot.mxid
    assert isinstance(await bridge.ping_self("are you there"), int)
    assert (await bot.get_media_repo_config()).upload_size > 0
    print("registration and ping")

    await bot.set_displayname("Мост")
    avatar = await bot.upload_media(PICTURE, "image/png", "мост.png")
    await bot.set_avatar_url(avatar)
    profile = await bot.get_profile(bot.mxid)
    assert (profile.displayname, profile.avatar_url) == ("Мост", avatar)
    await refused(MExclusive, bot.user(f"@teacher:{DOMAIN}").ensure_registered())


async def ghosts(bridge, anna):
    viktor = bridge.ghost("viktor")
    await viktor.set_displayname("Виктор (мост)")
    avatar = await viktor.upload_media(PICTURE, "image/png", async_upload=True)
    await viktor.set_avatar_url(avatar)
    profile = await anna.get_profile(viktor.mxid)
    assert (profile.displayname, profile.avatar_url) == ("Виктор (мост)", avatar)
    assert await anna.download_media(avatar, timeout_ms=20_000) == PICTURE
    assert await viktor.download_thumbnail(avatar, 32, 32)
    assert not await bridge.ghost("galina").get_joined_rooms()
    print("ghosts, media, asynchronous uploads")
    return viktor


async def portal(bridge, anna, viktor):
    bot, galina = bridge.intent, bridge.ghost("galina")
    avatar = await bot.get_avatar_url(bot.mxid)
    space = await bot.create_room(
        name="Мост", creation_content={"type": "m.space"}, invitees=[anna.mxid],
        initial_state=[{"type": "m.room.avatar", "content": {"url": avatar}}])
    shown = {"bridgebot": bot.mxid, "protocol": {"id": "parta"}, "channel": {"id": "9a"}}
    room = await bot.create_room(
        name="9 «А»", topic="Чат класса", preset=RoomCreatePreset.PRIVATE, invitees=[viktor.mxid, anna.mxid],
        initial_state=[
            {"type": "m.bridge", "state_key": "parta://9a", "content": shown},
            {"type": "uk.half-shot.bridge", "state_key": "parta://9a", "content": shown},
            {"type": "m.space.parent", "state_key": space, "content": {"via": [DOMAIN], "canonical": True}},
            {"type": "m.room.history_visibility", "content": {"history_visibility": "shared"}},
        ],
        power_level_override={"users": {anna.mxid: 50}, "events": {"m.room.name": 0}})
    await bot.send_state_event(space, EventType.SPACE_CHILD, {"via": [DOMAIN], "order": "a"}, state_key=room)
    invitation = await anna.enter(space)
    assert invitation.sender == bot.mxid and invitation.unsigned.invite_room_state, invitation
    await anna.enter(room)
    assert (await anna.get_state_event(room, EventType.find("m.bridge", EventType.Class.STATE), "parta://9a"))[
        "channel"]["id"] == "9a"
    hierarchy = await anna.api.request(Method.GET, Path.v1.rooms[space].hierarchy)
    assert [found["room_id"] for found in hierarchy["rooms"]] == [space, room], hierarchy
    print("a portal in a space")

    await viktor.ensure_joined(room)
    # Nobody has invited this one: mautrix has the bot do it.
    await galina.ensure_joined(room)
    assert set(await bot.get_room_members(room)) == {user.mxid for user in (bot, viktor, galina, anna)}
    await viktor.set_room_name(room, "9 «А» класс")
    levels = await bot.get_power_levels(room, ignore_cache=True)
    assert levels.get_user_level(anna.mxid) == 50, levels
    levels.set_user_level(viktor.mxid, 50)
    await bot.set_power_levels(room, levels)
    await viktor.set_room_topic(room, "Чат класса и моста")
    await bridge.heard.one("the topic", lambda event: (
        kind("m.room.topic")(event) and event.content.topic == "Чат класса и моста"))
    assert (await anna.get_state_event(room, EventType.ROOM_NAME)).name == "9 «А» класс"
    print("ghosts join, roles")
    return room


async def backfill(anna, viktor, room):
    hour = 3_600_000
    old = [await viktor.send_text(room, f"Давно {n}", timestamp=LONG_AGO + n * hour) for n in range(5)]
    imported = EventType.find("ru.parta.imported", EventType.Class.STATE)
    await viktor.send_state_event(room, imported, {}, timestamp=LONG_AGO - hour)
    page = await anna.get_messages(room, PaginationDirection.BACKWARD, limit=20)
    found = {event.event_id: event for event in page.events}
    assert [found[event_id].timestamp for event_id in old] == [LONG_AGO + n * hour for n in range(5)]

    def at(ts, direction):
        return anna.api.request(
            Method.GET, Path.v1.rooms[room].timestamp_to_event, query_params={"ts": ts, "dir": direction})
    for ts, direction, expected in ((hour, "f", 1), (hour + 1, "f", 2), (hour - 1, "b", 0), (9 * hour, "b", 4)):
        answer = await at(LONG_AGO + ts, direction)
        expected_ts = LONG_AGO + expected * hour
        assert (answer["event_id"], answer["origin_server_ts"]) == (old[expected], expected_ts), answer
    print("back-filled messages keep their time")


async def from_afar(bridge, anna, viktor, room):
    """What people on the other side say and do."""
    galina = bridge.ghost("galina")
    sent = await viktor.send_text(room, html="<b>Завтра</b> контрольная")
    heard = await anna.heard.event(sent)
    assert (heard.sender, heard.content.body) == (viktor.mxid, "**Завтра** контрольная"), heard
    edit = text("Послезавтра контрольная")
    edit.set_edit(sent)
    edited = await viktor.send_message(room, edit)
    assert (await anna.heard.event(edited)).content.get_edit() == sent
    relations = (await anna.event(room, sent))["unsigned"]["m.relations"]
    assert relations["m.replace"]["content"]["m.new_content"]["body"] == "Послезавтра контрольная"

    reaction = await galina.react(room, sent, "👍")
    assert (await anna.heard.event(reaction)).content.relates_to.key == "👍"
    await galina.redact(room, reaction, "передумала")
    assert (await anna.event(room, reaction))["unsigned"]["redacted_because"]["content"]["reason"] == "передумала"

    reply = text("По алгебре?")
    reply.set_reply(sent)
    replied = await galina.send_message(room, reply)
    assert (await anna.heard.event(replied)).content.get_reply_to() == sent
    last = sent
    for n in range(3):
        threaded = text(f"Вариант {n}")
        threaded.set_thread_parent(sent, last)
        last = await viktor.send_message(room, threaded)
    assert (await anna.heard.event(last)).content.get_thread_parent() == sent
    thread = (await anna.event(room, sent))["unsigned"]["m.relations"]["m.thread"]
    assert (thread["count"], thread["latest_event"]["event_id"]) == (3, last), thread
    picture = await viktor.send_image(room, await viktor.upload_media(PICTURE, "image/png"), file_name="доска.png")
    assert await anna.download_media((await anna.heard.event(picture)).content.url) == PICTURE
    print("edits, reactions, redactions, replies, threads and pictures of ghosts")

    await galina.mark_read(room, picture)
    await anna.heard.one("the ghost's receipt", lambda event: (
        kind("m.receipt")(event) and galina.mxid in event.content.get(picture, {}).get(ReceiptType.READ, {})))
    await viktor.set_typing(room, 20_000)
    await anna.heard.one("that the ghost types", lambda event: (
        kind("m.typing")(event) and event.content.user_ids == [viktor.mxid]))
    await viktor.set_typing(room)
    await galina.set_presence(PresenceState.ONLINE, "на уроке")
    presence = await anna.get_presence(galina.mxid)
    assert (presence.presence, presence.status_msg) == (PresenceState.ONLINE, "на уроке"), presence
    print("receipts, typing and presence of ghosts")


async def from_here(bridge, anna, viktor, room):
    """What the bridge hears of a person."""
    lessons = [f"Урок {n}" for n in range(30)]
    # The bridge has handled a transaction and its answer is lost: the server sends it again, under the same id.
    bridge.lost = 1
    for body in lessons:
        last = await anna.send_text(room, body)
    await bridge.heard.event(last)
    assert bridge.heard.bodies(room, anna.mxid) == lessons, bridge.heard.bodies(room, anna.mxid)
    assert bridge.lost == 0 and len(bridge.came) == len(set(bridge.came)) + 1, "sent again once, under the same id"
    print("messages of people come once and in order")

    redaction = await bridge.heard.event(await anna.redact(room, last, "повтор"))
    assert redaction.redacts == last and redaction.content.reason == "повтор", redaction
    thread = text("В ветке")
    thread.set_thread_parent(last)
    threaded = await anna.send_message(room, thread)
    assert (await bridge.heard.event(threaded)).content.get_thread_parent() == last
    await anna.set_typing(room, 20_000)
    typing = await bridge.heard.one("typing", lambda event: (
        kind("m.typing")(event) and event.content.user_ids == [anna.mxid]))
    assert typing.room_id == room
    await anna.set_fully_read_marker(room, threaded, threaded)
    receipt = await bridge.heard.one("the receipt", lambda event: (
        kind("m.receipt")(event) and threaded in event.content))
    assert receipt.room_id == room and anna.mxid in receipt.content[threaded][ReceiptType.READ]
    await anna.set_presence(PresenceState.UNAVAILABLE, "обед")
    await bridge.heard.one("presence", lambda event: (
        kind("m.presence")(event) and event.sender == anna.mxid and event.content.status_msg == "обед"))
    print("redactions, threads, typing, receipts and presence of people")


async def asked_for(bridge, anna):
    """Rooms and ghosts that are made when somebody first asks for them."""
    alias = f"#bridge_tenth:{DOMAIN}"

    async def make_room(wanted):
        if wanted == alias:
            return {"made": await bridge.intent.create_room(
                alias_localpart="bridge_tenth", visibility=RoomDirectoryVisibility.PUBLIC,
                preset=RoomCreatePreset.PUBLIC)}

    async def make_ghost(wanted):
        if wanted == bridge.ghost("dmitri").mxid:
            await bridge.ghost("dmitri").ensure_registered()
            return {"made": wanted}

    bridge.query_alias, bridge.query_user = make_room, make_ghost
    room = await anna.join_room(alias)
    assert (await anna.resolve_room_alias(alias)).room_id == room
    await refused(MNotFound, anna.resolve_room_alias(f"#bridge_never:{DOMAIN}"))
    await refused(MExclusive, anna.add_room_alias(room, "bridge_mine"))
    await bridge.intent.add_room_alias(room, "bridge_also")
    await bridge.intent.remove_room_alias("bridge_also")

    chat = await anna.create_room(is_direct=True, invitees=[bridge.ghost("dmitri").mxid])
    invitation = await bridge.heard.one("the ghost's invitation", member(chat, bridge.ghost("dmitri").mxid, "invite"))
    assert invitation.content.is_direct and invitation.sender == anna.mxid
    await bridge.ghost("dmitri").ensure_joined(chat)
    answer = await bridge.ghost("dmitri").send_notice(chat, "Это Дмитрий")
    assert (await anna.heard.event(answer)).sender == bridge.ghost("dmitri").mxid
    print("rooms and ghosts made when they are asked for")


async def puppets(bridge, anna, room, folder):
    """The bridge speaks as a real person, by the token of a service that may and by a sign-in with it."""
    token = yaml.safe_load((folder / "doublepuppet.yaml").read_text())["as_token"]
    client = ClientAPI(base_url=bridge.server)
    client.api.token = token
    session = await client.login(anna.mxid, LoginType.APPSERVICE, "a bridge", store_access_token=False)
    await client.api.session.close()
    # mautrix would have the puppet registered else.
    await bridge.state_store.registered(anna.mxid)
    for by_service in (True, False):
        puppet = bridge.intent.user(anna.mxid, token if by_service else session.access_token, as_token=by_service)
        assert (await puppet.whoami()).user_id == anna.mxid
        sent = await puppet.send_text(room, "С другого телефона", timestamp=LONG_AGO)
        heard = await bridge.heard.event(sent)
        assert heard.sender == anna.mxid
        # By this the bridge knows its own.
        assert heard.content["fi.mau.double_puppet_source"] == "a bridge"
        assert (heard.timestamp == LONG_AGO) == by_service, "only a service may date what it says"
        await puppet.mark_read(room, sent)
    assert not (await anna.query_keys({anna.mxid: [session.device_id]})).device_keys[anna.mxid]
    print("double puppets")


async def encryption(bridge, anna):
    """The bot reads and writes in encrypted rooms, by a device that signs in and by one that the bridge just makes."""
    assert (await anna.get_login_flows()).supports_type(LoginType.APPSERVICE)
    for signs_in in (True, False):
        bot = await Person.at(bridge.server)
        try:
            bot.api.token, bot.mxid = bridge.as_token, bridge.intent.mxid
            if signs_in:
                await bot.login(login_type=LoginType.APPSERVICE, device_name="Мост")
            else:
                await bot.create_device_msc4190("BRIDGE", "Мост")
            who = await bot.whoami()
            assert (who.user_id, who.device_id) == (bridge.intent.mxid, bot.device_id)
            await bot.begin()
            room = await anna.create_room(invitees=[bot.mxid], initial_state=[
                {"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}])
            await bot.enter(room)
            for one, other in ((anna, bot), (bot, anna)):
                await one.heard.one("the bot's membership", member(room, bot.mxid, "join"))
                assert await one.crypto.get_or_fetch_device(other.mxid, other.device_id)
                assert (await other.read(await one.send_text(room, "Только нам"))).content.body == "Только нам"
        finally:
            await bot.close()
    print("encrypted rooms")


async def the_end(bridge, anna, viktor, room):
    galina = bridge.ghost("galina")
    await galina.leave_room(room)
    await bridge.intent.kick_user(room, viktor.mxid, "выпуск")
    left = await anna.heard.one("that the ghost was sent out", member(room, viktor.mxid, "leave"))
    assert left.content.reason == "выпуск"
    await bridge.intent.kick_user(room, anna.mxid)
    await bridge.intent.leave_room(room)
    assert room not in await bridge.intent.get_joined_rooms()
    await refused(MForbidden, viktor.send_text(room, "Я ещё здесь", ensure_joined=False))
    print("a portal is given up")


async def main(base, folder):
    bridge = await Bridge.started(base, folder)
    people = []
    try:
        await start(bridge)
        people.append(anna := await Person.registered(base, "anna"))
        viktor = await ghosts(bridge, anna)
        room = await portal(bridge, anna, viktor)
        await backfill(anna, viktor, room)
        await from_afar(bridge, anna, viktor, room)
        await from_here(bridge, anna, viktor, room)
        await asked_for(bridge, anna)
        await puppets(bridge, anna, room, folder)
        await encryption(bridge, anna)
        await the_end(bridge, anna, viktor, room)
        assert not bridge.complaints, "\n".join(bridge.complaints)
    finally:
        for person in people:
            await person.close()
        await bridge.stop()


if __name__ == "__main__":
    if sys.argv[1] == "register":
        register(Folder(sys.argv[2]))
    else:
        asyncio.run(main(sys.argv[1].rstrip("/"), Folder(sys.argv[2])))
