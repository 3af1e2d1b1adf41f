-- Runs unchanged on SQLite and PostgreSQL: ids come from the application, times are microseconds, no vendor types beyond
-- BYTEA (a name without meaning to SQLite, which stores blobs as blobs).

CREATE TABLE accounts (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL,
    generation BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    CHECK (id > 0)
);

CREATE TABLE characters (
    id BIGINT NOT NULL PRIMARY KEY,
    account BIGINT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    class INTEGER NOT NULL,
    level INTEGER NOT NULL,
    born_by BYTEA NOT NULL,
    CHECK (id > 0)
);
CREATE INDEX characters_by_account ON characters (account);

-- Written every two seconds per online character. No value in here, no index beside the key.
CREATE TABLE char_hot (
    id BIGINT NOT NULL PRIMARY KEY REFERENCES characters (id),
    owner_epoch BIGINT NOT NULL,
    version BIGINT NOT NULL,
    map INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    x INTEGER NOT NULL,
    y INTEGER NOT NULL,
    heading INTEGER NOT NULL,
    hp INTEGER NOT NULL,
    mp INTEGER NOT NULL
);

-- Positive accounts are characters, negative ones stand for the outside world.
CREATE TABLE balances (
    account BIGINT NOT NULL,
    currency INTEGER NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (account, currency),
    CHECK (account < 0 OR amount >= 0)
);

-- Items that exist. The version equals the newest history sequence.
CREATE TABLE items (
    uid BIGINT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    template INTEGER NOT NULL,
    level INTEGER NOT NULL,
    owner BIGINT NOT NULL,
    container INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    UNIQUE (owner, container, slot),
    CHECK (uid > 0)
);

-- kind: 0 minted, 1 moved, 2 burned. Nowhere is (0, 0, 0).
CREATE TABLE item_history (
    uid BIGINT NOT NULL,
    seq INTEGER NOT NULL,
    event_id BYTEA NOT NULL,
    kind INTEGER NOT NULL,
    from_owner BIGINT NOT NULL,
    from_container INTEGER NOT NULL,
    from_slot INTEGER NOT NULL,
    to_owner BIGINT NOT NULL,
    to_container INTEGER NOT NULL,
    to_slot INTEGER NOT NULL,
    PRIMARY KEY (uid, seq)
);

CREATE TABLE ledger (
    event_id BYTEA NOT NULL,
    account BIGINT NOT NULL,
    currency INTEGER NOT NULL,
    delta BIGINT NOT NULL,
    PRIMARY KEY (event_id, account, currency)
);

-- One row per journal whose records were applied here. Every position up to applied_lsn is one of: decided (an outcome
-- row of its own), repeated (an event decided at another position), other (no value event).
CREATE TABLE journals (
    id BIGINT NOT NULL PRIMARY KEY,
    log_id BYTEA NOT NULL UNIQUE,
    applied_lsn BIGINT NOT NULL,
    decided BIGINT NOT NULL,
    repeated BIGINT NOT NULL,
    other BIGINT NOT NULL
);

-- outcome: 0 applied, 1 rejected, 2 quarantined. changes and moves: how many ledger and history rows belong to it.
CREATE TABLE outcomes (
    event_id BYTEA NOT NULL PRIMARY KEY,
    journal BIGINT NOT NULL REFERENCES journals (id),
    lsn BIGINT NOT NULL,
    outcome INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    changes INTEGER NOT NULL,
    moves INTEGER NOT NULL,
    UNIQUE (journal, lsn)
);

-- Quarantined events, complete, until an operator decides.
CREATE TABLE review (
    event_id BYTEA NOT NULL PRIMARY KEY REFERENCES outcomes (event_id),
    payload BYTEA NOT NULL,
    detail TEXT NOT NULL
);

-- kind: 0 character, 1 item.
CREATE TABLE frozen (
    kind INTEGER NOT NULL,
    id BIGINT NOT NULL,
    event_id BYTEA NOT NULL,
    PRIMARY KEY (kind, id)
);

-- One row: who may apply, and what was ever made and destroyed.
CREATE TABLE applier (
    id INTEGER NOT NULL PRIMARY KEY,
    fence BIGINT NOT NULL,
    boot BIGINT NOT NULL,
    journal BIGINT NOT NULL,
    items_minted BIGINT NOT NULL,
    items_burned BIGINT NOT NULL,
    CHECK (id = 1)
);
INSERT INTO applier (id, fence, boot, journal, items_minted, items_burned) VALUES (1, 0, 0, 0, 0, 0);

CREATE TABLE sequences (
    id BIGINT NOT NULL PRIMARY KEY,
    next BIGINT NOT NULL
);
INSERT INTO sequences (id, next) VALUES (1, 1), (2, 1), (3, 1);
