-- The words of messages, names and topics, by which they are found. The row's id is the event's position, its words are
-- stems apart by spaces and a word that stands for the room.
CREATE TABLE message_words (
    rowid BIGINT NOT NULL PRIMARY KEY,
    words TEXT NOT NULL
);
CREATE INDEX message_words_by_word ON message_words USING GIN (string_to_array(words, ' '));
