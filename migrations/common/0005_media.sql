-- Uploaded files and what is made of them. The bytes lie in the media store, not here.

CREATE TABLE media (
    media_id TEXT NOT NULL PRIMARY KEY,
    uploader TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- Until when a reserved id waits for its bytes; NULL once they are there.
    expires_at BIGINT,
    -- These are NULL until the bytes are there.
    size BIGINT,
    sha256 BYTEA,
    content_type TEXT,
    filename TEXT,
    last_access BIGINT,
    -- Who took it out of circulation.
    quarantined_by TEXT
);
CREATE INDEX media_by_uploader ON media (uploader, created_at);
CREATE INDEX media_reserved ON media (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE thumbnails (
    media_id TEXT NOT NULL,
    -- crop or scale.
    method TEXT NOT NULL,
    -- The box that was asked for, not the picture's own size.
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    size BIGINT NOT NULL,
    content_type TEXT NOT NULL,
    PRIMARY KEY (media_id, method, width, height)
);

CREATE TABLE url_previews (
    url TEXT NOT NULL PRIMARY KEY,
    fetched_at BIGINT NOT NULL,
    -- The OpenGraph data as clients are given it.
    response TEXT NOT NULL
);
