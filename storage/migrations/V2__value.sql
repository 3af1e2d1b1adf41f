-- Everything of value beside births and trades. Runs unchanged on SQLite and PostgreSQL.

-- Growth: version 0 is how the character was born; the stats its class begins with are not stored.
ALTER TABLE characters ADD COLUMN growth_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE characters ADD COLUMN points INTEGER NOT NULL DEFAULT 0;
ALTER TABLE characters ADD COLUMN stat_0 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE characters ADD COLUMN stat_1 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE characters ADD COLUMN stat_2 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE characters ADD COLUMN stat_3 INTEGER NOT NULL DEFAULT 0;

CREATE TABLE growth (
    character_id BIGINT NOT NULL,
    version INTEGER NOT NULL,
    event_id BYTEA NOT NULL,
    level INTEGER NOT NULL,
    points INTEGER NOT NULL,
    stat_0 INTEGER NOT NULL,
    stat_1 INTEGER NOT NULL,
    stat_2 INTEGER NOT NULL,
    stat_3 INTEGER NOT NULL,
    PRIMARY KEY (character_id, version)
);
CREATE INDEX growth_by_event ON growth (event_id);

-- kind: the event's kind, -1 where it could not be read. records: rows beside ledger and history.
ALTER TABLE outcomes ADD COLUMN kind INTEGER NOT NULL DEFAULT -1;
ALTER TABLE outcomes ADD COLUMN records INTEGER NOT NULL DEFAULT 0;
UPDATE outcomes SET kind = 1 WHERE outcome = 0;
UPDATE outcomes SET kind = 0 WHERE event_id IN (SELECT born_by FROM characters);

-- The audit of a range of positions finds the steps of its events.
CREATE INDEX item_history_by_event ON item_history (event_id);

-- Parcels are never removed; an open one has no claimed_by. items: how many were put into it. A sender of 0 is the house.
CREATE TABLE parcels (
    id BIGINT NOT NULL PRIMARY KEY,
    sender BIGINT NOT NULL,
    receiver BIGINT NOT NULL,
    zen BIGINT NOT NULL,
    items INTEGER NOT NULL,
    made_by BYTEA NOT NULL,
    claimed_by BYTEA,
    CHECK (id > 0 AND zen >= 0)
);
CREATE INDEX parcels_open ON parcels (receiver) WHERE claimed_by IS NULL;
CREATE INDEX parcels_by_event ON parcels (made_by);
CREATE INDEX parcels_by_claim ON parcels (claimed_by) WHERE claimed_by IS NOT NULL;

-- state: 0 open, 1 bought out, 2 sold, 3 expired, 4 cancelled. The version equals that of the newest step.
CREATE TABLE listings (
    id BIGINT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    seller BIGINT NOT NULL,
    min_bid BIGINT NOT NULL,
    buy_out BIGINT NOT NULL,
    ends_s BIGINT NOT NULL,
    bidder BIGINT NOT NULL,
    bid BIGINT NOT NULL,
    state INTEGER NOT NULL,
    made_by BYTEA NOT NULL,
    CHECK (id > 0)
);
CREATE INDEX listings_open ON listings (ends_s) WHERE state = 0;

-- act: 0 listed, 1 bid, 2 bought out, 3 sold, 4 expired, 5 cancelled.
CREATE TABLE listing_steps (
    listing BIGINT NOT NULL,
    version INTEGER NOT NULL,
    event_id BYTEA NOT NULL,
    act INTEGER NOT NULL,
    bidder BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (listing, version)
);
CREATE INDEX listing_steps_by_event ON listing_steps (event_id);

CREATE TABLE cash (
    event_id BYTEA NOT NULL PRIMARY KEY,
    account BIGINT NOT NULL,
    reference TEXT NOT NULL
);
CREATE INDEX cash_by_account ON cash (account);

-- Acts of operators. resolves: the quarantined event that is decided, empty for other acts.
CREATE TABLE authority (
    event_id BYTEA NOT NULL PRIMARY KEY,
    operator TEXT NOT NULL,
    reason TEXT NOT NULL,
    second TEXT NOT NULL,
    resolves BYTEA NOT NULL
);

-- schema: of the payload, 0 if it could not be read. found: the rows of what it names, as it found them.
-- action: 0 applied, 1 discarded, 2 compensated, -1 while it waits.
ALTER TABLE review ADD COLUMN schema INTEGER NOT NULL DEFAULT 1;
ALTER TABLE review ADD COLUMN found TEXT NOT NULL DEFAULT '';
ALTER TABLE review ADD COLUMN action INTEGER NOT NULL DEFAULT -1;
ALTER TABLE review ADD COLUMN resolved_by BYTEA;
CREATE INDEX review_open ON review (event_id) WHERE resolved_by IS NULL;

-- kind: 0 character, 1 item, 2 account, 3 parcel, 4 listing. A thing is frozen by every unresolved event that names it.
CREATE TABLE freezes (
    kind INTEGER NOT NULL,
    id BIGINT NOT NULL,
    event_id BYTEA NOT NULL,
    PRIMARY KEY (kind, id, event_id)
);
INSERT INTO freezes (kind, id, event_id) SELECT kind, id, event_id FROM frozen;
DROP TABLE frozen;
ALTER TABLE freezes RENAME TO frozen;
CREATE INDEX frozen_by_event ON frozen (event_id);

INSERT INTO sequences (id, next) VALUES (4, 1), (5, 1);
