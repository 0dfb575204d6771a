-- What people report to the administrators: an event, a room, or a user.
CREATE TABLE reports (
    id BIGINT NOT NULL PRIMARY KEY,
    received_at BIGINT NOT NULL,
    reporter TEXT NOT NULL,
    -- Of a reported event or room.
    room_id TEXT,
    event_id TEXT,
    -- Who sent the event, or the user who is reported.
    reported TEXT,
    reason TEXT
);
CREATE INDEX reports_by_room ON reports (room_id) WHERE room_id IS NOT NULL;
