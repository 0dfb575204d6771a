-- Tokens by which others learn who a user is (OpenID), and who blocked which room (rooms.blocked says
-- that it is).

CREATE TABLE openid_tokens (
    token_hash BYTEA NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE blocked_rooms (
    room_id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    blocked_at BIGINT NOT NULL
);

-- Accounts that a command changed while the server ran: it forgets what it knew of them.
CREATE TABLE account_notices (
    user_id TEXT NOT NULL PRIMARY KEY,
    changed_at BIGINT NOT NULL
);
