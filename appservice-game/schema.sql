-- The store of parta-games. The log is the truth; whatever else is here says what was answered and where.

-- Everything that ever changed a game, in order. Rows are only added.
CREATE TABLE IF NOT EXISTS log (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    game_id  TEXT NOT NULL,
    -- The event that caused it; the same event never writes twice to the same game.
    event_id TEXT NOT NULL,
    sender   TEXT NOT NULL,
    -- The event's own time, milliseconds.
    at_ms    BIGINT NOT NULL,
    entry    TEXT NOT NULL,
    UNIQUE (event_id, game_id)
);
CREATE INDEX IF NOT EXISTS log_by_game ON log (game_id, position);

-- An index of the log: which games a start-up has to fold.
CREATE TABLE IF NOT EXISTS games (
    number  INTEGER PRIMARY KEY,
    game_id TEXT NOT NULL UNIQUE,
    room_id TEXT NOT NULL,
    is_open BOOLEAN NOT NULL
);
CREATE INDEX IF NOT EXISTS games_by_room ON games (room_id, number);

-- Events that were looked at, whether or not they did anything, so that a late repetition does nothing either.
CREATE TABLE IF NOT EXISTS seen (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE
);

-- What has still to be sent, written in the transaction of the log entry that it answers.
CREATE TABLE IF NOT EXISTS outbox (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    room_id TEXT NOT NULL,
    txn_id  TEXT NOT NULL,
    job     TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS outbox_by_room ON outbox (room_id, id);

-- The messages that show a board, by the outbox row that sent them and by their event.
CREATE TABLE IF NOT EXISTS boards (
    outbox_id INTEGER PRIMARY KEY,
    game_id   TEXT NOT NULL,
    event_id  TEXT
);
CREATE INDEX IF NOT EXISTS boards_by_game ON boards (game_id, outbox_id);
CREATE TABLE IF NOT EXISTS board_events (
    event_id TEXT PRIMARY KEY,
    game_id  TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS rooms (
    room_id   TEXT PRIMARY KEY,
    lang      TEXT NOT NULL,
    joined    BOOLEAN NOT NULL,
    encrypted BOOLEAN NOT NULL
);
CREATE TABLE IF NOT EXISTS members (
    room_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    name    TEXT NOT NULL,
    PRIMARY KEY (room_id, user_id)
);

-- The direct chats in which a player is told what the others must not see.
CREATE TABLE IF NOT EXISTS directs (
    user_id TEXT PRIMARY KEY,
    room_id TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
