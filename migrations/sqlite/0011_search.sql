-- The words of messages, names and topics, by which they are found. The row's id is the event's position, its words are
-- stems apart by spaces and a word that stands for the room. Nothing is kept but the index itself; it is asked for words,
-- never for phrases. All that is not ASCII counts as a part of a word: the words are taken apart before they come here.
CREATE VIRTUAL TABLE message_words USING fts5 (
    words,
    content = '',
    contentless_delete = 1,
    detail = none,
    tokenize = 'ascii'
);
