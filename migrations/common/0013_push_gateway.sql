-- How far each pusher has come: its gateway has been told of everything up to here, or did not need to be. What was before
-- this server knew push gateways is nobody's news.
ALTER TABLE pushers ADD COLUMN settled BIGINT NOT NULL DEFAULT 0;
UPDATE pushers SET settled = (SELECT position FROM stream WHERE id = 1);
