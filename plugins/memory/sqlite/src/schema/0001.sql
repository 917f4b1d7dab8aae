-- A session, its place in the queue and its lease. At most one turn of a session is worked on at
-- a time, and it is always the oldest open one; so queue, lease and fencing token live here.
CREATE TABLE session (
  id          INTEGER PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE,
  head        INTEGER,                      -- inbox.seq of the oldest open turn
  token       INTEGER NOT NULL DEFAULT 0,   -- grows with every claim
  owner       TEXT,                         -- who claimed the head last, for people who look
  lease_until INTEGER NOT NULL DEFAULT 0,   -- milliseconds since the epoch; 0: not claimed
  reset_after INTEGER NOT NULL DEFAULT 0,   -- transcript.seq behind which nobody looks
  reset_at    INTEGER
) STRICT;
-- Claiming walks this index past the live leases only, however many turns wait behind them.
CREATE INDEX session_queue ON session (head, lease_until) WHERE head IS NOT NULL;

-- Every message that was ever taken; the key of deduplication.
CREATE TABLE inbox (
  seq      INTEGER PRIMARY KEY,             -- grows: rows are never deleted
  turn     TEXT NOT NULL UNIQUE,
  session  INTEGER NOT NULL,
  message  TEXT NOT NULL,
  finished INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX inbox_open ON inbox (session, seq) WHERE finished = 0;

-- What an open turn got done. Swept once the turn is finished, so it stays small.
CREATE TABLE journal (
  turn INTEGER NOT NULL,                    -- inbox.seq
  step INTEGER NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (turn, step)
) STRICT, WITHOUT ROWID;

-- Everything that was said, for ever.
CREATE TABLE transcript (
  seq     INTEGER PRIMARY KEY,              -- grows: rows are never deleted
  session INTEGER NOT NULL,
  turn    INTEGER NOT NULL,                 -- inbox.seq
  at      INTEGER NOT NULL,
  message TEXT NOT NULL
) STRICT;
CREATE INDEX transcript_session ON transcript (session, seq);

-- Replies, until they expire.
CREATE TABLE outbox (
  turn       INTEGER PRIMARY KEY,           -- inbox.seq
  reply      TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  settled    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX outbox_expiry ON outbox (expires_at);
