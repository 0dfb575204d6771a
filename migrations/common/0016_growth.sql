-- What a client missed of a room's state, without reading the messages between or the state before.
CREATE INDEX events_state_moved ON events (room_id, position) WHERE state_key IS NOT NULL;
