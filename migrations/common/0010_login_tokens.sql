-- Tokens by which another device of a user signs in, each once (m.login.token). Kept as SHA-256.
CREATE TABLE login_tokens (
    token_hash BYTEA NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
