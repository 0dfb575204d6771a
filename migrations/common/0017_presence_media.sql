-- What others were last told of a person, so that a restart goes unnoticed. The status message, empty where there is none,
-- is written at once, the rest every few minutes and when the server stops.
ALTER TABLE presence ADD COLUMN state TEXT NOT NULL DEFAULT 'offline';
ALTER TABLE presence ADD COLUMN currently_active BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE presence ADD COLUMN last_active BIGINT;
-- Where in the stream of typing and presence it was told; 0 where nothing was.
ALTER TABLE presence ADD COLUMN position BIGINT NOT NULL DEFAULT 0;

-- What somebody has stored is summed up from the index alone.
CREATE INDEX media_by_uploader_size ON media (uploader, size);
