-- What people last said of threads (MSC4306): a row a person and thread.
CREATE TABLE thread_subscriptions (
    user_id TEXT NOT NULL,
    -- The event that the thread hangs on.
    root TEXT NOT NULL,
    room_id TEXT NOT NULL,
    -- Whether a client subscribed by itself; NULL where the person has unsubscribed.
    automatic BOOLEAN,
    -- Where it was said in the stream.
    position BIGINT NOT NULL,
    PRIMARY KEY (user_id, root)
);
CREATE INDEX thread_subscriptions_by_position ON thread_subscriptions (user_id, position);
