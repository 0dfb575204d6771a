-- Which versions of which policies people have agreed to.
CREATE TABLE terms_accepted (
    user_id TEXT NOT NULL,
    policy_id TEXT NOT NULL,
    version TEXT NOT NULL,
    accepted_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, policy_id, version)
);

-- Events that are to be sent later (MSC4140). A row goes in the transaction in which its event is sent.
CREATE TABLE delayed_events (
    delay_id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    device_id TEXT,
    -- The transaction id of a message; state has none.
    txn_id TEXT,
    room_id TEXT NOT NULL,
    type TEXT NOT NULL,
    state_key TEXT,
    content TEXT NOT NULL,
    delay_ms BIGINT NOT NULL,
    -- When the delay began, at first or by a restart, and when it ends.
    running_since BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    -- The stream's position when it was scheduled: what came to the room after it may cancel it.
    position BIGINT NOT NULL
);
CREATE INDEX delayed_events_by_user ON delayed_events (user_id);
