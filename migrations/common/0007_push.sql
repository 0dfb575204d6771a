-- What leaves the server: transactions to application services, pushers; and what people say of themselves.

-- How far each application service has come. `pending` lists the positions of the events of a transaction that was
-- begun and not yet acknowledged, so that a retry after a restart is the same transaction.
CREATE TABLE appservices (
    id TEXT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    acknowledged BIGINT NOT NULL,
    txn BIGINT NOT NULL DEFAULT 0,
    pending TEXT,
    pending_to BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE pushers (
    user_id TEXT NOT NULL,
    app_id TEXT NOT NULL,
    pushkey TEXT NOT NULL,
    -- The pusher as the client sees it, a JSON object.
    pusher TEXT NOT NULL,
    -- The device that set it: it goes with the device.
    device_id TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, app_id, pushkey)
);
CREATE INDEX pushers_by_device ON pushers (user_id, device_id);

-- Only what a person has written; whether somebody is online is kept in memory.
CREATE TABLE presence (
    user_id TEXT NOT NULL PRIMARY KEY,
    status_msg TEXT NOT NULL
);

-- Whether a room has threads, and which.
CREATE INDEX events_threads ON events (room_id, position) WHERE rel_type = 'm.thread';
