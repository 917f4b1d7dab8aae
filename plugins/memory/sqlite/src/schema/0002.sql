-- Turns up to this one (inbox.seq) belong to the conversation before the last reset.
ALTER TABLE session ADD COLUMN reset_turn INTEGER NOT NULL DEFAULT 0;
UPDATE session SET reset_turn = coalesce((
  SELECT max(turn) FROM transcript WHERE session = session.id AND seq <= reset_after), 0);
-- Claims of the head without parking in between.
ALTER TABLE session ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
-- What the person set: JSON.
ALTER TABLE session ADD COLUMN settings TEXT;
-- What stands for the transcript up to and with `summary_upto` (transcript.seq).
ALTER TABLE session ADD COLUMN summary TEXT;
ALTER TABLE session ADD COLUMN summary_upto INTEGER NOT NULL DEFAULT 0;

-- Calls that wait for a person's word, and what came of it.
CREATE TABLE approval (
  turn       INTEGER NOT NULL,              -- inbox.seq
  call       TEXT NOT NULL,                 -- hash of the exact call
  approval   TEXT NOT NULL,                 -- JSON
  expires_at INTEGER NOT NULL,
  decided    TEXT,                          -- JSON; null: not yet
  PRIMARY KEY (turn, call)
) STRICT, WITHOUT ROWID;

-- What model requests cost, for ever.
CREATE TABLE ledger (
  seq         INTEGER PRIMARY KEY,
  at          INTEGER NOT NULL,
  session     INTEGER NOT NULL,
  model       TEXT NOT NULL,
  input       INTEGER NOT NULL,
  output      INTEGER NOT NULL,
  cache_read  INTEGER NOT NULL,
  cache_write INTEGER NOT NULL,
  micro_usd   INTEGER NOT NULL
) STRICT;
CREATE INDEX ledger_at ON ledger (at);

ALTER TABLE outbox ADD COLUMN channel TEXT;
-- Why the reply can never be delivered.
ALTER TABLE outbox ADD COLUMN dead TEXT;
CREATE INDEX outbox_open ON outbox (turn) WHERE settled = 0;
