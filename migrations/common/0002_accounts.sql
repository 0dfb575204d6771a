-- Accounts, their devices and sessions, and how one comes to an account.

CREATE TABLE users (
    user_id TEXT NOT NULL PRIMARY KEY,
    -- A PHC string; NULL for an account without a password (sign-on, application service).
    password_hash TEXT,
    created_at BIGINT NOT NULL,
    admin BOOLEAN NOT NULL DEFAULT FALSE,
    deactivated BOOLEAN NOT NULL DEFAULT FALSE,
    locked BOOLEAN NOT NULL DEFAULT FALSE,
    suspended BOOLEAN NOT NULL DEFAULT FALSE,
    erased BOOLEAN NOT NULL DEFAULT FALSE,
    user_type TEXT,
    appservice_id TEXT,
    display_name TEXT,
    avatar_url TEXT,
    -- Further profile fields, a JSON object.
    profile TEXT NOT NULL DEFAULT '{}',
    -- What the user directory searches in: the localpart and the display name, small letters.
    search_text TEXT NOT NULL DEFAULT ''
);

CREATE TABLE devices (
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    display_name TEXT,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT,
    last_seen_ip TEXT,
    last_seen_user_agent TEXT,
    PRIMARY KEY (user_id, device_id)
);

-- Tokens are kept as SHA-256, never as they are.
CREATE TABLE access_tokens (
    token_hash BYTEA NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    device_id TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    -- The refresh token that came with it.
    refresh_token_hash BYTEA,
    -- Who acts as this user, for tokens that an administrator took.
    puppeted_by TEXT
);
CREATE INDEX access_tokens_by_device ON access_tokens (user_id, device_id);
CREATE INDEX access_tokens_by_refresh_token ON access_tokens (refresh_token_hash) WHERE refresh_token_hash IS NOT NULL;
CREATE INDEX access_tokens_by_end ON access_tokens (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE refresh_tokens (
    token_hash BYTEA NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- The token that took its place; both live until that one is used.
    next_token_hash BYTEA
);
CREATE INDEX refresh_tokens_by_device ON refresh_tokens (user_id, device_id);
CREATE INDEX refresh_tokens_by_next ON refresh_tokens (next_token_hash) WHERE next_token_hash IS NOT NULL;

CREATE TABLE registration_tokens (
    token TEXT NOT NULL PRIMARY KEY,
    uses_allowed BIGINT,
    pending BIGINT NOT NULL DEFAULT 0,
    completed BIGINT NOT NULL DEFAULT 0,
    expires_at BIGINT
);

CREATE TABLE filters (
    user_id TEXT NOT NULL,
    filter_id TEXT NOT NULL,
    definition TEXT NOT NULL,
    PRIMARY KEY (user_id, filter_id)
);
