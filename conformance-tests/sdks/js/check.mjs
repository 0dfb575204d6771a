// What a program on matrix-js-sdk, the SDK of Element Web, does, done against the server whose base URL is given: a line
// for every check that passed, and an exit code other than 0 with the reason at the first that failed.

import assert from "node:assert/strict";
import { deflateSync, crc32 } from "node:zlib";

import { decryptAttachment, encryptAttachment } from "matrix-encrypt-attachment";
import { createClient, Direction } from "matrix-js-sdk";
import {
    CryptoEvent, decodeRecoveryKey, VerificationPhase, VerifierEvent,
} from "matrix-js-sdk/lib/crypto-api/index.js";
import { SlidingSync } from "matrix-js-sdk/lib/sliding-sync.js";

import { byPassword, entered, event, join, readable, register, say, signIn, until } from "./person.mjs";

async function conversation(base, anna, boris) {
    const { room_id: room } = await anna.createRoom({ name: "9 «А»", topic: "Класс", invite: [boris.getUserId()] });
    const [here, there] = [await entered(anna, room), await join(boris, room)];
    assert.equal(there.name, "9 «А»");

    const { event_id: sent } = await anna.sendTextMessage(room, "Здравствуйте, начинаем урок");
    assert.equal((await event(boris, room, sent)).getContent().body, "Здравствуйте, начинаем урок");
    say("messages");

    await anna.sendMessage(room, {
        msgtype: "m.text", body: "* Добрый день", "m.new_content": { msgtype: "m.text", body: "Добрый день" },
        "m.relates_to": { rel_type: "m.replace", event_id: sent },
    });
    const edited = await event(boris, room, sent);
    await until("the edit", () => edited.getContent().body === "Добрый день");
    say("edits");

    await boris.sendEvent(room, "m.reaction", {
        "m.relates_to": { rel_type: "m.annotation", event_id: sent, key: "👍" },
    });
    await until("the reaction", () => here.relations.getChildEventsForEvent(sent, "m.annotation", "m.reaction")
        ?.getSortedAnnotationsByKey()?.[0]?.[0] === "👍");
    const { events } = await anna.relations(room, sent, "m.annotation", "m.reaction");
    assert.deepEqual(events.map((found) => found.getSender()), [boris.getUserId()]);
    say("reactions");

    // Sent by a client that does not sync: the SDK takes fright ("not a local echo") when a sync brings a message of a
    // thread that it is still loading before the answer to sending it.
    const pen = createClient({ baseUrl: base, accessToken: boris.getAccessToken(), userId: boris.getUserId() });
    const answers = [];
    for (const body of ["Ответ 1", "Ответ 2"]) answers.push((await pen.sendTextMessage(room, sent, body)).event_id);
    const thread = await until("the thread", () => {
        const found = here.getThread(sent);
        return found?.length === 2 && answers.every((id) => found.findEventById(id)) && found;
    });
    assert.equal(thread.replyToEvent.getId(), answers[1]);
    const { chunk: roots } = await anna.createThreadListMessagesRequest(room, null);
    assert.deepEqual(roots.map((root) => root.event_id), [sent]);
    say("threads");

    const { event_id: last } = await anna.sendTextMessage(room, "Всё понятно?");
    await boris.sendReadReceipt(await event(boris, room, last));
    await until("the receipt", () => here.getEventReadUpTo(boris.getUserId()) === last);
    await boris.setRoomReadMarkers(room, last);
    await until("the read marker", () => there.getAccountData("m.fully_read")?.getContent().event_id === last);
    say("read receipts and markers");

    await boris.sendTyping(room, true, 20_000);
    await until("typing", () => here.getMember(boris.getUserId()).typing);
    say("typing");

    await anna.redactEvent(room, sent, answers[1], undefined, { reason: "повтор" });
    await until("the redaction", () => there.findEventById(answers[1])?.isRedacted());
    say("redaction");

    const { event_id: homework } = await anna.sendTextMessage(room, "Домашние задания по алгебре");
    const results = await until("the search result", async () => {
        const found = await boris.searchRoomEvents({ term: "задание", filter: { rooms: [room] } });
        return found.count && found;
    });
    assert.deepEqual(results.results.map((found) => found.context.getEvent().getId()), [homework]);
    say("search");

    const lessons = [];
    for (let n = 0; n < 15; n++) lessons.push((await anna.sendTextMessage(room, `Урок ${n}`)).event_id);
    const found = [];
    for (let from = null; from !== undefined; ) {
        const page = await boris.createMessagesRequest(room, from, 6, Direction.Backward);
        found.push(...page.chunk.map((one) => one.event_id).filter((id) => lessons.includes(id)));
        from = page.end;
    }
    assert.deepEqual(found, lessons.toReversed(), "every message once, in order");
    say("history");
    return room;
}

async function spaces(anna, boris, room) {
    const { room_id: space } = await anna.createRoom({
        name: "Академия", creation_content: { type: "m.space" }, invite: [boris.getUserId()],
    });
    await anna.sendStateEvent(space, "m.space.child", { via: ["hs1"] }, room);
    assert((await join(boris, space)).isSpaceRoom());
    const { rooms } = await boris.getRoomHierarchy(space);
    assert.deepEqual(rooms.map((found) => found.room_id), [space, room]);
    assert.equal(rooms[0].children_state[0].state_key, room);
    say("spaces with hierarchy");
}

/** A picture in one colour. */
function png(width, height) {
    const chunk = (kind, data) => {
        const body = Buffer.concat([Buffer.from(kind), data]);
        const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
        length.writeUInt32BE(data.length);
        sum.writeUInt32BE(crc32(body));
        return Buffer.concat([length, body, sum]);
    };
    const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0]);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    const rows = deflateSync(Buffer.alloc(height * (1 + width * 3)));
    const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", rows), chunk("IEND", Buffer.alloc(0))]);
}

async function media(anna, boris) {
    const download = async (uri, ...size) => {
        const [width, height, method] = size;
        const url = boris.mxcUrlToHttp(uri, width, height, method, false, true, true);
        const answer = await fetch(url, { headers: { Authorization: `Bearer ${boris.getAccessToken()}` } });
        assert.equal(answer.status, 200, url);
        return [Buffer.from(await answer.arrayBuffer()), answer.headers.get("content-type")];
    };
    const picture = png(400, 300);
    const file = new Blob([picture], { type: "image/png" });
    const { content_uri: uri } = await anna.uploadContent(file, { name: "Доска.png", type: "image/png" });
    assert.deepEqual(await download(uri), [picture, "image/png"]);
    const [small, type] = await download(uri, 80, 60, "scale");
    assert(small.length > 0 && type.startsWith("image/"));
    say("media up and down, thumbnails");

    const { data, info } = await encryptAttachment(new Uint8Array(picture).buffer);
    const secret = await anna.uploadContent(new Blob([data]), { type: "application/octet-stream" });
    const [bytes] = await download(secret.content_uri);
    assert.notDeepEqual(bytes, picture);
    assert.deepEqual(Buffer.from(await decryptAttachment(new Uint8Array(bytes).buffer, info)), picture);
    say("encrypted attachments");
}

/** Cross-signing keys, secret storage and a key backup, made as a first sign-in makes them; gives the recovery key. */
async function bootstrap(client) {
    const crypto = client.getCrypto();
    await crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: byPassword(client.getUserId()) });
    const key = await crypto.createRecoveryKeyFromPassphrase();
    await crypto.bootstrapSecretStorage({
        createSecretStorageKey: async () => key, setupNewKeyBackup: true, setupNewSecretStorage: true,
    });
    await until("cross-signing", () => crypto.isCrossSigningReady());
    await until("secret storage", () => crypto.isSecretStorageReady());
    assert(await crypto.getActiveSessionBackupVersion(), "there is a key backup");
    return key.encodedPrivateKey;
}

/** Waits until a device has the public cross-signing keys of a person: without them it verifies nobody. */
const knows = (client, person) => until("the public keys", () =>
    client.getCrypto().userHasCrossSigningKeys(person.getUserId(), true));

/** Two devices compare emoji (client-server API, "Short Authentication String (SAS) verification"). */
async function compareEmoji(asking, asked, ask) {
    const incoming = new Promise((resolve) => asked.once(CryptoEvent.VerificationRequestReceived, resolve));
    const mine = await ask();
    const theirs = await incoming;
    await theirs.accept();
    await until("readiness", () => mine.phase === VerificationPhase.Ready);
    const verifiers = [await mine.startVerification("m.sas.v1")];
    verifiers.push(await until("the start", () => theirs.verifier));
    const shown = verifiers.map((verifier) => new Promise((resolve) => verifier.once(VerifierEvent.ShowSas, resolve)));
    const ends = verifiers.map((verifier) => verifier.verify());
    // Ends before there are emoji: then it failed.
    const [first, second] = await Promise.race([Promise.all(shown), Promise.all(ends)]);
    assert.equal(first.sas.emoji.length, 7);
    assert.deepEqual(first.sas.emoji, second.sas.emoji);
    await Promise.all([first.confirm(), second.confirm()]);
    await Promise.all(ends);
    await until("the end of verification", () => [mine, theirs].every((one) => one.phase === VerificationPhase.Done));
}

/** What a new device knows of an old message and of itself before and after it is trusted. */
async function encryption(base, anna, boris) {
    const recovery = await bootstrap(anna);
    say("cross-signing, secret storage and key backup set up");

    const { room_id: room } = await anna.createRoom({
        invite: [boris.getUserId()], preset: "trusted_private_chat", is_direct: true,
        initial_state: [{ type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } }],
    });
    const here = await entered(anna, room);
    await join(boris, room);
    await until("Boris", () => here.getMember(boris.getUserId())?.membership === "join");
    const sent = [];
    for (const [from, to, body] of [[anna, boris, "Только нам"], [boris, anna, "Понял"]]) {
        const { event_id } = await from.sendTextMessage(room, body);
        assert.equal(await readable(to, room, event_id), body);
        assert.equal((await to.fetchRoomEvent(room, event_id)).type, "m.room.encrypted", "sent in the clear");
        sent.push(event_id);
    }
    say("an encrypted room");

    const again = await signIn(base, anna.getUserId());
    await entered(again, room);
    assert((await event(again, room, sent[0])).isDecryptionFailure(), "a new device reads what it has no keys for");
    const trusted = async (client, device) => {
        const status = await client.getCrypto().getDeviceVerificationStatus(anna.getUserId(), device);
        return Boolean(status?.crossSigningVerified);
    };
    assert.equal(await trusted(anna, again.getDeviceId()), false);
    await knows(again, anna);
    await compareEmoji(again, anna, () => again.getCrypto().requestOwnUserVerification());
    await until("trust in the new device", () => trusted(anna, again.getDeviceId()));
    await until("trust in the old device", () => trusted(again, anna.getDeviceId()));
    await until("the private keys from the old device", () => again.getCrypto().isCrossSigningReady());
    say("a second device verified by emoji");

    await bootstrap(boris);
    await knows(anna, boris);
    await compareEmoji(anna, boris, () => anna.getCrypto().requestVerificationDM(boris.getUserId(), room));
    const known = async (client, of) =>
        (await client.getCrypto().getUserVerificationStatus(of.getUserId())).isCrossSigningVerified();
    await until("trust in Boris", () => known(anna, boris));
    await until("trust in Anna", () => known(boris, anna));
    say("another person verified by emoji");

    // Not before the backup holds the keys of both messages can a device find them there.
    const prefix = "/_matrix/client/v3";
    const version = () => anna.http.authedRequest("GET", "/room_keys/version", {}, undefined, { prefix });
    await until("the backup of the keys", async () => (await version()).count >= 2);
    const restored = await signIn(base, anna.getUserId());
    await entered(restored, room);
    assert((await event(restored, room, sent[0])).isDecryptionFailure());
    restored.paper.key = decodeRecoveryKey(recovery);
    await knows(restored, anna);
    await restored.getCrypto().bootstrapCrossSigning({});
    await restored.getCrypto().loadSessionBackupPrivateKeyFromSecretStorage();
    const { imported } = await restored.getCrypto().restoreKeyBackup();
    assert(imported >= 2, `${imported} keys imported`);
    assert.equal(await readable(restored, room, sent[0]), "Только нам");
    assert.equal(await readable(restored, room, sent[1]), "Понял");
    await until("trust by the recovery key", () => trusted(anna, restored.getDeviceId()));
    say("key backup restored by the recovery key");
    return [again, restored];
}

/** Simplified sliding sync (MSC4186), as far as this SDK goes: it calls it by its old number. */
async function slidingSync(base, anna) {
    const boris = await signIn(base, await register(base, "boris"), (client) => {
        const wanted = { timeline_limit: 10, required_state: [["m.room.create", ""], ["m.room.name", ""],
            ["m.room.encryption", ""], ["m.room.member", "$ME"], ["m.room.member", "$LAZY"]] };
        const lists = new Map([["all", { ranges: [[0, 20]], ...wanted }]]);
        return { slidingSync: new SlidingSync(base, lists, wanted, client, 2000) };
    });
    const { room_id: room } = await anna.createRoom({
        name: "С телефона", invite: [boris.getUserId()],
        initial_state: [{ type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } }],
    });
    const here = await entered(anna, room);
    const there = await join(boris, room);
    assert.equal(there.name, "С телефона");
    await until("Boris", () => here.getMember(boris.getUserId())?.membership === "join");
    for (const [from, to, body] of [[anna, boris, "Ты с телефона?"], [boris, anna, "Да!"]]) {
        const { event_id } = await from.sendTextMessage(room, body);
        assert.equal(await readable(to, room, event_id), body);
    }
    await boris.sendReadReceipt(there.getLastLiveEvent());
    await anna.sendTyping(room, true, 20_000);
    await until("typing", () => there.getMember(anna.getUserId())?.typing);
    say("sliding sync, encrypted");
    return boris;
}

const base = process.argv[2].replace(/\/$/, "");
const people = [];
for (const name of ["anna", "boris"]) people.push(await signIn(base, await register(base, name)));
const [anna, boris] = people;
say("sign-in by password");
const room = await conversation(base, anna, boris);
await spaces(anna, boris, room);
await media(anna, boris);
await encryption(base, anna, boris);
await slidingSync(base, anna);
// Clients that still sync would keep the process.
process.exit(0);
