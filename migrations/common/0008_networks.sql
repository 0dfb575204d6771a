-- Rooms that application services list, each in the directory of one of their networks.
CREATE TABLE network_rooms (
    -- The application service's id, a vertical bar and the network's id.
    instance_id TEXT NOT NULL,
    room_id TEXT NOT NULL,
    PRIMARY KEY (instance_id, room_id)
);
CREATE INDEX network_rooms_by_room ON network_rooms (room_id);
