-- Rooms, their events and what people left in them. Positions come from one sequence, in the order of commits.

CREATE TABLE rooms (
    room_id TEXT NOT NULL PRIMARY KEY,
    version TEXT NOT NULL,
    creator TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    is_public BOOLEAN NOT NULL DEFAULT FALSE,
    blocked BOOLEAN NOT NULL DEFAULT FALSE
);

CREATE TABLE events (
    position BIGINT NOT NULL PRIMARY KEY,
    event_id TEXT NOT NULL UNIQUE,
    room_id TEXT NOT NULL,
    sender TEXT NOT NULL,
    type TEXT NOT NULL,
    state_key TEXT,
    origin_server_ts BIGINT NOT NULL,
    -- The event as clients see it in /sync: without room_id and unsigned.
    json TEXT NOT NULL,
    -- What makes it a PDU besides: auth_events, prev_events, depth, hashes.
    graph TEXT NOT NULL,
    -- For a state event: what it replaced, and that event's content.
    replaces TEXT,
    prev_content TEXT,
    -- Who sent it from where, for idempotency and unsigned.transaction_id.
    device_id TEXT,
    txn_id TEXT,
    -- m.relates_to, for aggregations.
    relates_to TEXT,
    rel_type TEXT,
    redacted_by TEXT
);
CREATE INDEX events_by_room ON events (room_id, position);
CREATE INDEX events_state ON events (room_id, type, state_key, position) WHERE state_key IS NOT NULL;
CREATE INDEX events_relations ON events (relates_to, position) WHERE relates_to IS NOT NULL;
CREATE INDEX events_transactions ON events (sender, device_id, origin_server_ts) WHERE txn_id IS NOT NULL;

CREATE TABLE current_state (
    room_id TEXT NOT NULL,
    type TEXT NOT NULL,
    state_key TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (room_id, type, state_key)
);

CREATE TABLE memberships (
    user_id TEXT NOT NULL,
    room_id TEXT NOT NULL,
    membership TEXT NOT NULL,
    position BIGINT NOT NULL,
    forgotten BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (user_id, room_id)
);
CREATE INDEX memberships_by_room ON memberships (room_id, membership);

CREATE TABLE aliases (
    alias TEXT NOT NULL PRIMARY KEY,
    room_id TEXT NOT NULL,
    creator TEXT NOT NULL
);
CREATE INDEX aliases_by_room ON aliases (room_id);

CREATE TABLE receipts (
    room_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    receipt_type TEXT NOT NULL,
    -- Empty for an unthreaded receipt.
    thread_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    event_position BIGINT NOT NULL,
    ts BIGINT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (room_id, user_id, receipt_type, thread_id)
);

-- Global account data has an empty room_id.
CREATE TABLE account_data (
    user_id TEXT NOT NULL,
    room_id TEXT NOT NULL,
    type TEXT NOT NULL,
    content TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (user_id, room_id, type)
);
CREATE INDEX account_data_by_position ON account_data (user_id, position);
