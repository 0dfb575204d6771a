-- The last position given out. Every table with a position draws from it, so that a sync token is one number.
CREATE TABLE stream (
    id BIGINT NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL
);
INSERT INTO stream (id, position) VALUES (1, 0);

-- Messages to devices, until the device has fetched them.
CREATE TABLE to_device (
    position BIGINT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    sender TEXT NOT NULL,
    type TEXT NOT NULL,
    content TEXT NOT NULL
);
CREATE INDEX to_device_by_device ON to_device (user_id, device_id, position);
