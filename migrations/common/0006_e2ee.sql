-- End-to-end encryption: public keys of devices and users, the signatures between them, and encrypted backups.

-- A device's identity keys, as it uploaded them.
CREATE TABLE device_keys (
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    keys TEXT NOT NULL,
    PRIMARY KEY (user_id, device_id)
);

-- Given out oldest first, each once ever: one that was claimed stays for some days, so that a device which repeats an
-- upload whose answer was lost does not offer it again.
CREATE TABLE one_time_keys (
    position BIGINT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    -- With the algorithm, `signed_curve25519:AAAAHQ`.
    key_id TEXT NOT NULL,
    key TEXT NOT NULL,
    claimed_at BIGINT,
    UNIQUE (user_id, device_id, key_id)
);
CREATE INDEX one_time_keys_unclaimed ON one_time_keys (user_id, device_id, algorithm, position) WHERE claimed_at IS NULL;

CREATE TABLE fallback_keys (
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    key_id TEXT NOT NULL,
    key TEXT NOT NULL,
    used BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (user_id, device_id, algorithm)
);

-- usage is master, self_signing or user_signing.
CREATE TABLE cross_signing_keys (
    user_id TEXT NOT NULL,
    usage TEXT NOT NULL,
    public_key TEXT NOT NULL,
    keys TEXT NOT NULL,
    PRIMARY KEY (user_id, usage)
);
CREATE INDEX cross_signing_keys_by_key ON cross_signing_keys (user_id, public_key);

-- Signatures that came after the key they are on: target is a device's id or a public key of user_id.
CREATE TABLE key_signatures (
    user_id TEXT NOT NULL,
    target TEXT NOT NULL,
    signer TEXT NOT NULL,
    signer_key TEXT NOT NULL,
    signature TEXT NOT NULL,
    PRIMARY KEY (user_id, target, signer, signer_key)
);
CREATE INDEX key_signatures_by_signer ON key_signatures (signer);

-- When a user's keys last changed, for all who share a room with them (seen_by is empty) or for one user alone.
CREATE TABLE device_list_changes (
    user_id TEXT NOT NULL,
    seen_by TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (user_id, seen_by)
);

-- Requests that sent messages to devices, so that a repetition sends nothing.
CREATE TABLE to_device_requests (
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    type TEXT NOT NULL,
    txn_id TEXT NOT NULL,
    sent_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, device_id, type, txn_id)
);
CREATE INDEX to_device_requests_by_age ON to_device_requests (sent_at);

-- A deleted version keeps its row: numbers are not used twice.
CREATE TABLE key_backups (
    user_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    algorithm TEXT NOT NULL,
    auth_data TEXT NOT NULL,
    etag BIGINT NOT NULL DEFAULT 0,
    key_count BIGINT NOT NULL DEFAULT 0,
    deleted BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (user_id, version)
);

CREATE TABLE backup_keys (
    user_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    room_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (user_id, version, room_id, session_id)
);

-- A device that receives keys while nobody is signed in (MSC3814).
CREATE TABLE dehydrated_devices (
    user_id TEXT NOT NULL PRIMARY KEY,
    device_id TEXT NOT NULL,
    data TEXT NOT NULL
);
