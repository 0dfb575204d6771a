-- OAuth 2.0: the clients that registered themselves, what people let them do, and who is signed in in a browser.

-- The client that a device signed in by; NULL where it signed in by the legacy API.
ALTER TABLE devices ADD COLUMN client_id TEXT;

-- A refresh token that was replaced by one that is used. Shown once more, it was stolen.
ALTER TABLE refresh_tokens ADD COLUMN spent BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX refresh_tokens_spent ON refresh_tokens (created_at) WHERE spent;

CREATE TABLE oauth_clients (
    -- A hash of the metadata: who registers the same twice is the same.
    client_id TEXT NOT NULL PRIMARY KEY,
    -- JSON, as RFC 7591 has it.
    metadata TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Authorization codes, kept as SHA-256. One that was used stays until it ends: used again, it was stolen.
CREATE TABLE oauth_codes (
    code_hash BYTEA NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    code_challenge TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used BOOLEAN NOT NULL DEFAULT FALSE
);

-- Devices without a browser that wait for their user to let them in by another (RFC 8628).
CREATE TABLE oauth_device_codes (
    device_code_hash BYTEA NOT NULL PRIMARY KEY,
    user_code TEXT NOT NULL UNIQUE,
    client_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- Milliseconds between two questions, and when the next may come.
    interval_ms BIGINT NOT NULL,
    next_poll_at BIGINT NOT NULL,
    -- Who let it in; NULL until somebody does.
    user_id TEXT,
    denied BOOLEAN NOT NULL DEFAULT FALSE
);

-- Who is signed in in a browser, on the server's own pages. Kept as SHA-256 of what the cookie has.
CREATE TABLE browser_sessions (
    session_hash BYTEA NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- Who confirmed on the account's page that a client may set new cross-signing keys, and until when.
CREATE TABLE cross_signing_resets (
    user_id TEXT NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
