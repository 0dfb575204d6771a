-- What people send by the feedback button.
CREATE TABLE feedback (
    -- Larger than those of all before it.
    id BIGINT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    -- When something last happened to it.
    updated_at BIGINT NOT NULL,
    -- Who sent it; nobody once the account was erased.
    reporter TEXT,
    -- What the client calls it, so that one that is sent twice is one.
    client_id TEXT,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    -- The text in small letters, which SQLite cannot make of Russian ones: what a search looks at.
    folded TEXT NOT NULL,
    room_id TEXT,
    -- A JSON object of strings.
    diagnostics TEXT NOT NULL,
    state TEXT NOT NULL,
    -- Since when.
    state_at BIGINT NOT NULL,
    priority TEXT NOT NULL,
    -- What administrators write for each other.
    note TEXT NOT NULL,
    -- How far its sender has read of what was done with it.
    read_up_to BIGINT NOT NULL
);
CREATE UNIQUE INDEX feedback_by_client_id ON feedback (reporter, client_id);
CREATE INDEX feedback_by_reporter ON feedback (reporter, id);
CREATE INDEX feedback_by_update ON feedback (updated_at);

-- What administrators did with it: answers among the rest.
CREATE TABLE feedback_acts (
    feedback_id BIGINT NOT NULL,
    -- Counted from one.
    n BIGINT NOT NULL,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    -- Whether the sender was told of it; NULL for what does not concern them.
    told BOOLEAN,
    PRIMARY KEY (feedback_id, n)
);
CREATE INDEX feedback_acts_to_tell ON feedback_acts (feedback_id, n) WHERE told = FALSE;

-- Pictures and texts that come with it, whose bytes lie in the media store. One is uploaded first and belongs to no report
-- yet; one that belongs to none any longer has the time zero. Both go with their bytes.
CREATE TABLE feedback_attachments (
    id TEXT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    -- Who may put it on a report, as long as it is on none.
    uploader TEXT,
    feedback_id BIGINT,
    -- Which of the report's, counted from one.
    n BIGINT,
    name TEXT,
    -- Of the bytes, once they are there.
    media_type TEXT,
    size BIGINT,
    sha256 BYTEA
);
CREATE INDEX feedback_attachments_by_report ON feedback_attachments (feedback_id, n);
CREATE INDEX feedback_attachments_by_uploader ON feedback_attachments (uploader);
