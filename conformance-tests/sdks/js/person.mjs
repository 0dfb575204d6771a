// A person's device on matrix-js-sdk, and the waiting that every check needs.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { createClient } from "matrix-js-sdk";
import { logger } from "matrix-js-sdk/lib/logger.js";

export const PASSWORD = "parta-test-Passw0rd";
// Longest wait for anything that must happen, in milliseconds.
const PATIENCE = 30_000;

// What the SDK tells its developers would bury the checks' own lines.
logger.disableAll();
for (const level of ["debug", "info", "log", "warn"]) console[level] = () => {};

export const say = (line) => process.stdout.write(`${line}\n`);

/** Waits until `found` gives something, and gives it. */
export async function until(what, found) {
    const end = Date.now() + PATIENCE;
    for (;;) {
        const thing = await found();
        if (thing) return thing;
        assert(Date.now() < end, `${what} did not come in ${PATIENCE / 1000} s`);
        await sleep(20);
    }
}

/** The password, for what asks for it again. */
export const byPassword = (user) => async (request) => {
    const auth = { type: "m.login.password", identifier: { type: "m.id.user", user }, password: PASSWORD };
    return request(auth).catch((error) => request({ ...auth, session: error.data?.session }));
};

/** A new account without a device; gives its user id. */
export async function register(base, name) {
    const localpart = `${name}-${randomBytes(4).toString("hex")}`;
    const auth = { type: "m.login.dummy" };
    const made = await createClient({ baseUrl: base }).registerRequest({
        username: localpart, password: PASSWORD, inhibit_login: true, auth,
    });
    return made.user_id;
}

/** One more device of an account: signed in by password, syncing, with end-to-end encryption. */
export async function signIn(base, user, start = {}) {
    const { access_token, device_id, user_id } = await createClient({ baseUrl: base }).loginRequest({
        type: "m.login.password", identifier: { type: "m.id.user", user }, password: PASSWORD,
    });
    assert.equal(user_id, user);
    // The key of secret storage, which a person would keep on paper.
    const paper = {};
    const client = createClient({
        baseUrl: base, accessToken: access_token, deviceId: device_id, userId: user_id, timelineSupport: true,
        cryptoCallbacks: {
            getSecretStorageKey: async ({ keys }) => [Object.keys(keys)[0], paper.key],
            cacheSecretStorageKey: (_id, _info, key) => { paper.key = key; },
        },
    });
    client.paper = paper;
    await client.initRustCrypto({ useIndexedDB: false });
    const options = typeof start === "function" ? start(client) : start;
    await client.startClient({ initialSyncLimit: 100, threadSupport: true, ...options });
    await until("the first sync", () => client.isInitialSyncComplete() || client.getSyncState() === "SYNCING");
    return client;
}

/** The room, once this device knows that its person is in it. */
export const entered = (client, room) => until("the room", () => {
    const found = client.getRoom(room);
    return found?.getMyMembership() === "join" && found;
});

/** Joins a room that this person is invited to. */
export async function join(client, room) {
    await until("the invitation", () => client.getRoom(room)?.getMyMembership() === "invite");
    await client.joinRoom(room);
    return entered(client, room);
}

/** An event, once a sync has brought it and it is readable if it can be. */
export const event = (client, room, id) => until("the event", () => {
    const found = client.getRoom(room)?.findEventById(id);
    return found && !found.isBeingDecrypted() && found;
});

/** A message's text, once its keys are here too. */
export const readable = (client, room, id) => until("the readable message", () => {
    const found = client.getRoom(room)?.findEventById(id);
    return found?.getType() === "m.room.message" && !found.isDecryptionFailure() && found.getContent().body;
});
