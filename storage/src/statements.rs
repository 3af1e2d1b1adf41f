//! Every statement of the store, one text for both databases.
//!
//! Rules, checked by the tests below and by preparing each on both databases: `$1 … $n` are first mentioned in this order
//! (SQLite numbers them so), ids and times are parameters, sums are cast to BIGINT (PostgreSQL widens them).

use crate::sql::{Bulk, Kind};

macro_rules! statements {
    ($($name:ident = $text:expr;)*) => {
        $(pub(crate) const $name: &str = $text;)*
        #[cfg(test)]
        pub(crate) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

macro_rules! bulk_statements {
    ($($name:ident($($column:ident: $kind:ident),*) = $text:expr;)*) => {
        $(pub(crate) static $name: Bulk =
            Bulk { text: $text, columns: &[$((stringify!($column), Kind::$kind)),*] };)*
        #[cfg(test)]
        pub(crate) static BULK_STATEMENTS: &[&Bulk] = &[$(&$name),*];
    };
}

statements! {
    PING = "SELECT 1";

    // The applier.
    SYSTEM_ACCOUNT = "INSERT INTO balances (account, currency, amount) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING";
    FENCE = "UPDATE applier SET fence = fence + 1, boot = boot + 1 WHERE id = 1 RETURNING fence, boot";
    FENCE_HOLD = "UPDATE applier SET fence = $1 WHERE id = 1 AND fence = $1";
    FENCE_NEWEST = "SELECT fence FROM applier WHERE id = 1";
    FENCE_JOURNAL = "UPDATE applier SET journal = $1 WHERE id = 1";
    ITEMS_COUNT = "UPDATE applier SET items_minted = items_minted + $1, items_burned = items_burned + $2 WHERE id = 1";
    JOURNAL_BY_LOG = "SELECT id, applied_lsn FROM journals WHERE log_id = $1";
    JOURNAL_NEXT = "SELECT COALESCE(MAX(id), 0) + 1 FROM journals";
    JOURNAL_CREATE = "INSERT INTO journals (id, log_id, applied_lsn, decided, repeated, other) VALUES ($1, $2, 0, 0, 0, 0)";
    JOURNAL_APPLIED = "SELECT applied_lsn FROM journals WHERE id = $1";
    JOURNAL_ADVANCE = "UPDATE journals SET applied_lsn = $1, decided = decided + $2, repeated = repeated + $3, \
        other = other + $4 WHERE id = $5 AND applied_lsn = $6";
    OUTCOME = "SELECT outcome, reason FROM outcomes WHERE event_id = $1";
    REVIEW_ADD = "INSERT INTO review (event_id, schema, payload, detail, found) VALUES ($1, $2, $3, $4, $5)";
    REVIEW_RESOLVE = "UPDATE review SET resolved_by = $1, action = $2 WHERE event_id = $3 AND resolved_by IS NULL";
    UNFREEZE = "DELETE FROM frozen WHERE event_id = $1";
    AUTHORITY_ADD = "INSERT INTO authority (event_id, operator, reason, second, resolves) VALUES ($1, $2, $3, $4, $5)";

    // Accounts and sessions.
    ACCOUNT_CREATE = "INSERT INTO accounts (id, name, name_key, password, generation, created_us) \
        VALUES ($1, $2, $3, $4, 0, $5) ON CONFLICT (name_key) DO NOTHING";
    ACCOUNT_BY_KEY = "SELECT id, name, password, generation FROM accounts WHERE name_key = $1";
    ACCOUNT_BY_ID = "SELECT id, name, password, generation FROM accounts WHERE id = $1";
    SESSION_OPEN = "UPDATE accounts SET generation = generation + 1 WHERE id = $1 RETURNING generation";

    // Characters.
    CHARACTERS_OF = "SELECT id, account, name, class, level FROM characters WHERE account = $1 ORDER BY id";
    CHARACTER = "SELECT c.id, c.account, c.name, c.class, c.level, h.owner_epoch, h.version, h.map, h.entry, h.x, h.y, \
        h.heading, h.hp, h.mp, b.amount, COALESCE(w.amount, 0), c.growth_version, c.points, c.stat_0, c.stat_1, \
        c.stat_2, c.stat_3 FROM characters AS c JOIN char_hot AS h ON h.id = c.id \
        JOIN balances AS b ON b.account = c.id AND b.currency = 0 \
        LEFT JOIN balances AS w ON w.account = c.account AND w.currency = 1 WHERE c.id = $1";
    ITEMS_IN = "SELECT uid, version, template, level, container, slot FROM items WHERE owner = $1 AND container = $2 \
        ORDER BY slot";
    CHARACTER_TAKE = "UPDATE char_hot SET owner_epoch = owner_epoch + 1 WHERE id = $1 \
        AND EXISTS (SELECT 1 FROM characters AS c WHERE c.id = $1 AND c.account = $2)";
    CHARACTER_FROZEN = "SELECT 1 FROM frozen WHERE (kind = 0 AND id = $1) \
        OR (kind = 2 AND id = (SELECT c.account FROM characters AS c WHERE c.id = $1))";
    ID_BLOCK = "UPDATE sequences SET next = next + $1 WHERE id = $2 RETURNING next";

    // Beside the journal.
    BESIDE_ACCOUNTS = "SELECT id, name, password, generation, created_us FROM accounts ORDER BY id";
    BESIDE_SEQUENCES = "SELECT id, next FROM sequences ORDER BY id";
    BESIDE_HOT = "SELECT id, owner_epoch, version, map, entry, x, y, heading, hp, mp FROM char_hot ORDER BY id";

    // The post, auctions, cash.
    PARCELS_FOR = "SELECT p.id, p.sender, COALESCE(c.name, ''), p.zen, p.items, p.made_by FROM parcels AS p \
        LEFT JOIN characters AS c ON c.id = p.sender WHERE p.receiver = $1 AND p.claimed_by IS NULL ORDER BY p.id";
    LISTINGS_OPEN = "SELECT l.id, l.version, l.seller, l.min_bid, l.buy_out, l.ends_s, l.bidder, l.bid, i.uid, i.version, \
        i.template, i.level FROM listings AS l JOIN items AS i ON i.owner = l.id AND i.container = 4 AND i.slot = 0 \
        WHERE l.state = 0 ORDER BY l.ends_s, l.id";
    BALANCE = "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM balances WHERE account = $1 AND currency = $2";

    // Review and provenance.
    REVIEWS_OPEN = "SELECT r.event_id, o.lsn, o.kind, o.outcome, o.reason, r.detail, r.resolved_by, r.action \
        FROM review AS r JOIN outcomes AS o ON o.event_id = r.event_id WHERE r.resolved_by IS NULL \
        ORDER BY o.journal, o.lsn";
    REVIEWS_ALL = "SELECT r.event_id, o.lsn, o.kind, o.outcome, o.reason, r.detail, r.resolved_by, r.action \
        FROM review AS r JOIN outcomes AS o ON o.event_id = r.event_id ORDER BY o.journal, o.lsn";
    REVIEW_FREEZING = "SELECT r.event_id, o.lsn, o.kind, o.outcome, o.reason, r.detail, r.resolved_by, r.action \
        FROM frozen AS f JOIN review AS r ON r.event_id = f.event_id JOIN outcomes AS o ON o.event_id = r.event_id \
        WHERE (f.kind = 0 AND f.id = $1) \
        OR (f.kind = 2 AND f.id = (SELECT c.account FROM characters AS c WHERE c.id = $1)) \
        ORDER BY o.journal, o.lsn LIMIT 1";
    REVIEW_ONE = "SELECT r.event_id, o.lsn, o.kind, o.outcome, o.reason, r.detail, r.resolved_by, r.action, r.schema, \
        r.payload, r.found FROM review AS r JOIN outcomes AS o ON o.event_id = r.event_id WHERE r.event_id = $1";
    REVIEW_FREEZES = "SELECT kind, id FROM frozen WHERE event_id = $1 ORDER BY kind, id";
    REVIEW_RELATED = "SELECT o.event_id FROM outcomes AS o WHERE o.event_id <> $1 AND o.event_id IN ( \
        SELECT other.event_id FROM frozen AS own JOIN frozen AS other ON other.kind = own.kind AND other.id = own.id \
        WHERE own.event_id = $1) ORDER BY o.journal, o.lsn";
    PROVENANCE = "SELECT h.seq, h.event_id, COALESCE(o.lsn, 0), COALESCE(o.kind, -1), \
        h.from_owner, h.from_container, h.from_slot, COALESCE( \
        CASE WHEN h.from_container IN (0, 2) THEN (SELECT c.name FROM characters AS c WHERE c.id = h.from_owner) \
        WHEN h.from_container = 1 THEN (SELECT a.name FROM accounts AS a WHERE a.id = h.from_owner) \
        WHEN h.from_container = 3 THEN (SELECT c.name FROM parcels AS p JOIN characters AS c ON c.id = p.receiver \
        WHERE p.id = h.from_owner) \
        ELSE (SELECT c.name FROM listings AS l JOIN characters AS c ON c.id = l.seller WHERE l.id = h.from_owner) END, ''), \
        h.to_owner, h.to_container, h.to_slot, COALESCE( \
        CASE WHEN h.to_container IN (0, 2) THEN (SELECT c.name FROM characters AS c WHERE c.id = h.to_owner) \
        WHEN h.to_container = 1 THEN (SELECT a.name FROM accounts AS a WHERE a.id = h.to_owner) \
        WHEN h.to_container = 3 THEN (SELECT c.name FROM parcels AS p JOIN characters AS c ON c.id = p.receiver \
        WHERE p.id = h.to_owner) \
        ELSE (SELECT c.name FROM listings AS l JOIN characters AS c ON c.id = l.seller WHERE l.id = h.to_owner) END, '') \
        FROM item_history AS h LEFT JOIN outcomes AS o ON o.event_id = h.event_id WHERE h.uid = $1 ORDER BY h.seq";

    // The economy.
    // Zen inside parcels and standing bids (accounts -6 and -7) belongs to players.
    ECONOMY = "SELECT CAST(COALESCE(SUM(CASE WHEN account > 0 OR account IN (-6, -7) THEN amount END), 0) AS BIGINT), \
        CAST(COALESCE(SUM(CASE WHEN account < 0 AND account NOT IN (-6, -7) AND amount < 0 THEN -amount END), 0) AS BIGINT), \
        CAST(COALESCE(SUM(CASE WHEN account < 0 AND account NOT IN (-6, -7) AND amount > 0 THEN amount END), 0) AS BIGINT) \
        FROM balances WHERE currency / 16 = $1";
    ECONOMY_ITEMS = "SELECT a.items_minted, a.items_burned, COALESCE(j.applied_lsn, 0), (SELECT COUNT(*) FROM items) \
        FROM applier AS a LEFT JOIN journals AS j ON j.id = a.journal WHERE a.id = 1";

    // The audit: each returns, for the first few offenders, how many there are and what names them.
    AUDIT_EVENT_BALANCED = "SELECT COUNT(*) OVER (), event_id, currency / 16 FROM ledger \
        GROUP BY event_id, currency / 16 HAVING SUM(delta) <> 0 LIMIT 10";
    AUDIT_WORLD_BALANCED = "SELECT COUNT(*) OVER (), currency / 16 FROM balances GROUP BY currency / 16 \
        HAVING SUM(amount) <> 0 LIMIT 10";
    AUDIT_BALANCES = "SELECT COUNT(*) OVER (), account, currency FROM ( \
        SELECT account, currency, CAST(SUM(amount) AS BIGINT) AS amount, CAST(SUM(delta) AS BIGINT) AS delta, \
        COUNT(amount) AS accounts FROM ( \
        SELECT account, currency, amount, 0 AS delta FROM balances UNION ALL \
        SELECT account, currency, NULL AS amount, delta FROM ledger) AS sides GROUP BY account, currency) AS sums \
        WHERE accounts <> 1 OR amount <> delta LIMIT 10";
    AUDIT_NO_DEBT = "SELECT COUNT(*) OVER (), account, currency FROM balances WHERE account > 0 AND amount < 0 LIMIT 10";
    AUDIT_PLACES = "SELECT COUNT(*) OVER (), uid FROM items AS i WHERE CASE WHEN i.container IN (0, 2) THEN (SELECT COUNT(*) FROM characters AS c WHERE c.id = i.owner) \
        WHEN i.container = 1 THEN (SELECT COUNT(*) FROM accounts AS a WHERE a.id = i.owner) \
        WHEN i.container = 3 THEN (SELECT COUNT(*) FROM parcels AS p WHERE p.id = i.owner AND p.claimed_by IS NULL) \
        WHEN i.container = 4 THEN (SELECT COUNT(*) FROM listings AS l WHERE l.id = i.owner AND l.state = 0 AND i.slot = 0) \
        ELSE 0 END = 0 \
        OR EXISTS (SELECT 1 FROM items AS o WHERE o.owner = i.owner AND o.container = i.container \
        AND o.slot = i.slot AND o.uid <> i.uid) LIMIT 10";
    AUDIT_PATHS = "SELECT COUNT(*) OVER (), uid, seq FROM ( \
        SELECT uid, seq, CASE WHEN LAG(seq) OVER w IS NULL \
        THEN CASE WHEN seq = 1 AND kind = 0 AND from_owner = 0 THEN 0 ELSE 1 END \
        ELSE CASE WHEN seq = LAG(seq) OVER w + 1 AND kind IN (1, 2) AND LAG(kind) OVER w <> 2 \
        AND from_owner = LAG(to_owner) OVER w AND from_container = LAG(to_container) OVER w \
        AND from_slot = LAG(to_slot) OVER w THEN 0 ELSE 1 END END AS wrong \
        FROM item_history WINDOW w AS (PARTITION BY uid ORDER BY seq)) AS steps WHERE wrong = 1 LIMIT 10";
    AUDIT_LIVE = "SELECT COUNT(*) OVER (), uid FROM ( \
        SELECT i.uid FROM items AS i LEFT JOIN item_history AS h ON h.uid = i.uid AND h.seq = i.version \
        WHERE h.uid IS NULL OR h.kind = 2 OR h.to_owner <> i.owner OR h.to_container <> i.container \
        OR h.to_slot <> i.slot \
        OR EXISTS (SELECT 1 FROM item_history AS later WHERE later.uid = i.uid AND later.seq > i.version) \
        UNION ALL \
        SELECT h.uid FROM item_history AS h LEFT JOIN items AS i ON i.uid = h.uid WHERE h.seq = 1 AND i.uid IS NULL \
        AND NOT EXISTS (SELECT 1 FROM item_history AS burn WHERE burn.uid = h.uid AND burn.kind = 2)) AS wrong LIMIT 10";
    AUDIT_ITEM_COUNTS = "SELECT COUNT(*) OVER (), items_minted, items_burned FROM applier \
        WHERE items_minted <> (SELECT COUNT(*) FROM item_history WHERE kind = 0) \
        OR items_burned <> (SELECT COUNT(*) FROM item_history WHERE kind = 2) \
        OR items_minted - items_burned <> (SELECT COUNT(*) FROM items) LIMIT 10";
    AUDIT_POSITIONS = "SELECT COUNT(*) OVER (), id, applied_lsn FROM journals AS j \
        WHERE applied_lsn <> decided + repeated + other \
        OR decided <> (SELECT COUNT(*) FROM outcomes AS o WHERE o.journal = j.id) \
        OR EXISTS (SELECT 1 FROM outcomes AS o WHERE o.journal = j.id AND (o.lsn > j.applied_lsn OR o.lsn < 1)) LIMIT 10";
    AUDIT_EVENT_ROWS = "SELECT COUNT(*) OVER (), event_id FROM ( \
        SELECT event_id, SUM(known) AS known, SUM(changes) AS changes, SUM(moves) AS moves, SUM(records) AS records FROM ( \
        SELECT event_id, 1 AS known, changes, moves, records FROM outcomes \
        UNION ALL SELECT event_id, 0 AS known, -1 AS changes, 0 AS moves, 0 AS records FROM ledger \
        UNION ALL SELECT event_id, 0 AS known, 0 AS changes, -1 AS moves, 0 AS records FROM item_history \
        UNION ALL SELECT event_id, 0 AS known, 0 AS changes, 0 AS moves, -1 AS records FROM growth \
        UNION ALL SELECT event_id, 0 AS known, 0 AS changes, 0 AS moves, -1 AS records FROM listing_steps \
        UNION ALL SELECT event_id, 0 AS known, 0 AS changes, 0 AS moves, -1 AS records FROM cash \
        UNION ALL SELECT event_id, 0 AS known, 0 AS changes, 0 AS moves, -1 AS records FROM authority \
        UNION ALL SELECT made_by AS event_id, 0 AS known, 0 AS changes, 0 AS moves, -1 AS records FROM parcels \
        UNION ALL SELECT claimed_by AS event_id, 0 AS known, 0 AS changes, 0 AS moves, -1 AS records FROM parcels \
        WHERE claimed_by IS NOT NULL) AS sides \
        GROUP BY event_id) AS sums WHERE known <> 1 OR changes <> 0 OR moves <> 0 OR records <> 0 LIMIT 10";
    AUDIT_REJECTED_EMPTY = "SELECT COUNT(*) OVER (), event_id FROM outcomes \
        WHERE outcome <> 0 AND (changes <> 0 OR moves <> 0 OR records <> 0) LIMIT 10";
    AUDIT_NOTHING = "SELECT COUNT(*) OVER (), event_id FROM outcomes \
        WHERE outcome = 0 AND kind > 1 AND changes = 0 AND moves = 0 AND records = 0 LIMIT 10";
    AUDIT_PURSES = "SELECT COUNT(*) OVER (), account, currency FROM balances AS b WHERE account > 0 AND \
        CASE WHEN currency = 0 THEN (SELECT COUNT(*) FROM characters AS c WHERE c.id = b.account) \
        ELSE (SELECT COUNT(*) FROM accounts AS a WHERE a.id = b.account) END = 0 LIMIT 10";
    AUDIT_POST = "SELECT COUNT(*) OVER (), held, sent FROM ( \
        SELECT (SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM balances WHERE account = -6) AS held, \
        (SELECT CAST(COALESCE(SUM(zen), 0) AS BIGINT) FROM parcels WHERE claimed_by IS NULL) AS sent) AS sums \
        WHERE held <> sent LIMIT 10";
    AUDIT_PARCELS = "SELECT COUNT(*) OVER (), id FROM parcels AS p WHERE \
        CASE WHEN claimed_by IS NULL THEN items ELSE 0 END \
        <> (SELECT COUNT(*) FROM items AS i WHERE i.owner = p.id AND i.container = 3) \
        OR NOT EXISTS (SELECT 1 FROM characters AS c WHERE c.id = p.receiver) LIMIT 10";
    AUDIT_BIDS = "SELECT COUNT(*) OVER (), held, bid FROM ( \
        SELECT (SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM balances WHERE account = -7) AS held, \
        (SELECT CAST(COALESCE(SUM(bid), 0) AS BIGINT) FROM listings WHERE state = 0) AS bid) AS sums \
        WHERE held <> bid LIMIT 10";
    AUDIT_LISTINGS = "SELECT COUNT(*) OVER (), id FROM listings AS l WHERE \
        CASE WHEN state = 0 THEN 1 ELSE 0 END \
        <> (SELECT COUNT(*) FROM items AS i WHERE i.owner = l.id AND i.container = 4) \
        OR NOT EXISTS (SELECT 1 FROM listing_steps AS t WHERE t.listing = l.id AND t.version = l.version \
        AND t.bidder = l.bidder AND t.amount = l.bid AND CASE WHEN t.act < 2 THEN 0 ELSE t.act - 1 END = l.state) \
        OR EXISTS (SELECT 1 FROM listing_steps AS t WHERE t.listing = l.id AND t.version > l.version) LIMIT 10";
    AUDIT_LISTING_STEPS = "SELECT COUNT(*) OVER (), listing, version FROM ( \
        SELECT listing, version, CASE WHEN LAG(version) OVER w IS NULL \
        THEN CASE WHEN version = 1 AND act = 0 AND bidder = 0 AND amount = 0 THEN 0 ELSE 1 END \
        ELSE CASE WHEN version = LAG(version) OVER w + 1 AND act > 0 AND LAG(act) OVER w < 2 \
        AND (act > 2 OR amount > LAG(amount) OVER w) AND (act < 3 OR amount = LAG(amount) OVER w) \
        AND EXISTS (SELECT 1 FROM listings AS l WHERE l.id = s.listing) THEN 0 ELSE 1 END END AS wrong \
        FROM listing_steps AS s WINDOW w AS (PARTITION BY listing ORDER BY version)) AS steps WHERE wrong = 1 LIMIT 10";
    AUDIT_GROWTH = "SELECT COUNT(*) OVER (), id FROM characters AS c WHERE \
        growth_version <> (SELECT COUNT(*) FROM growth AS g WHERE g.character_id = c.id) \
        OR CASE WHEN growth_version = 0 THEN CASE WHEN level = 1 AND points = 0 THEN 0 ELSE 1 END \
        WHEN EXISTS (SELECT 1 FROM growth AS g WHERE g.character_id = c.id AND g.version = c.growth_version \
        AND g.level = c.level AND g.points = c.points AND g.stat_0 = c.stat_0 AND g.stat_1 = c.stat_1 \
        AND g.stat_2 = c.stat_2 AND g.stat_3 = c.stat_3) THEN 0 ELSE 1 END = 1 LIMIT 10";
    AUDIT_FROZEN = "SELECT COUNT(*) OVER (), kind, id FROM frozen AS f WHERE NOT EXISTS ( \
        SELECT 1 FROM review AS r WHERE r.event_id = f.event_id AND r.resolved_by IS NULL) LIMIT 10";
    AUDIT_RESOLVED = "SELECT COUNT(*) OVER (), r.event_id FROM review AS r WHERE r.resolved_by IS NOT NULL AND NOT EXISTS ( \
        SELECT 1 FROM authority AS t JOIN outcomes AS o ON o.event_id = t.event_id AND o.outcome = 0 \
        WHERE t.event_id = r.resolved_by AND t.resolves = r.event_id) LIMIT 10";
    AUDIT_REVIEW = "SELECT COUNT(*) OVER (), o.event_id FROM outcomes AS o \
        LEFT JOIN review AS r ON r.event_id = o.event_id \
        WHERE CASE WHEN o.outcome = 2 THEN 1 ELSE 0 END <> CASE WHEN r.event_id IS NULL THEN 0 ELSE 1 END LIMIT 10";
    AUDIT_OWNERS = "SELECT COUNT(*) OVER (), c.id FROM characters AS c LEFT JOIN accounts AS a ON a.id = c.account \
        WHERE a.id IS NULL LIMIT 10";
    AUDIT_CHARACTERS = "SELECT COUNT(*) OVER (), c.id FROM characters AS c \
        LEFT JOIN char_hot AS h ON h.id = c.id LEFT JOIN balances AS b ON b.account = c.id AND b.currency = 0 \
        LEFT JOIN outcomes AS o ON o.event_id = c.born_by AND o.outcome = 0 \
        WHERE h.id IS NULL OR b.account IS NULL OR o.event_id IS NULL LIMIT 10";

    // The audit of a range: the same for what the events after a position of the newest journal touched.
    SINCE_EVENT_BALANCED = "SELECT COUNT(*) OVER (), l.event_id, l.currency / 16 FROM outcomes AS o \
        JOIN ledger AS l ON l.event_id = o.event_id WHERE o.lsn > $1 AND o.journal = (SELECT a.journal FROM applier AS a WHERE a.id = 1) \
        GROUP BY l.event_id, l.currency / 16 HAVING SUM(l.delta) <> 0 LIMIT 10";
    SINCE_NO_DEBT = "SELECT COUNT(*) OVER (), account, currency FROM (SELECT DISTINCT l.account, l.currency \
        FROM outcomes AS o JOIN ledger AS l ON l.event_id = o.event_id \
        LEFT JOIN balances AS b ON b.account = l.account AND b.currency = l.currency \
        WHERE o.lsn > $1 AND o.journal = (SELECT a.journal FROM applier AS a WHERE a.id = 1) \
        AND (b.account IS NULL OR (b.account > 0 AND b.amount < 0))) AS owing LIMIT 10";
    SINCE_PLACES = "SELECT COUNT(*) OVER (), uid FROM items AS i WHERE uid IN (SELECT t.uid FROM outcomes AS o JOIN item_history AS t ON t.event_id = o.event_id \
        WHERE o.lsn > $1 AND o.journal = (SELECT a.journal FROM applier AS a WHERE a.id = 1)) \
        AND (CASE WHEN i.container IN (0, 2) THEN (SELECT COUNT(*) FROM characters AS c WHERE c.id = i.owner) \
        WHEN i.container = 1 THEN (SELECT COUNT(*) FROM accounts AS a WHERE a.id = i.owner) \
        WHEN i.container = 3 THEN (SELECT COUNT(*) FROM parcels AS p WHERE p.id = i.owner AND p.claimed_by IS NULL) \
        WHEN i.container = 4 THEN (SELECT COUNT(*) FROM listings AS l WHERE l.id = i.owner AND l.state = 0 AND i.slot = 0) \
        ELSE 0 END = 0 \
        OR EXISTS (SELECT 1 FROM items AS o WHERE o.owner = i.owner AND o.container = i.container \
        AND o.slot = i.slot AND o.uid <> i.uid)) LIMIT 10";
    SINCE_PATHS = "SELECT COUNT(*) OVER (), uid, seq FROM ( \
        SELECT uid, seq, CASE WHEN LAG(seq) OVER w IS NULL \
        THEN CASE WHEN seq = 1 AND kind = 0 AND from_owner = 0 THEN 0 ELSE 1 END \
        ELSE CASE WHEN seq = LAG(seq) OVER w + 1 AND kind IN (1, 2) AND LAG(kind) OVER w <> 2 \
        AND from_owner = LAG(to_owner) OVER w AND from_container = LAG(to_container) OVER w \
        AND from_slot = LAG(to_slot) OVER w THEN 0 ELSE 1 END END AS wrong \
        FROM item_history WHERE uid IN (SELECT t.uid FROM outcomes AS o JOIN item_history AS t ON t.event_id = o.event_id \
        WHERE o.lsn > $1 AND o.journal = (SELECT a.journal FROM applier AS a WHERE a.id = 1)) \
        WINDOW w AS (PARTITION BY uid ORDER BY seq)) AS steps WHERE wrong = 1 LIMIT 10";
    SINCE_LIVE = "SELECT COUNT(*) OVER (), uid FROM (SELECT DISTINCT t.uid FROM outcomes AS o \
        JOIN item_history AS t ON t.event_id = o.event_id \
        WHERE o.lsn > $1 AND o.journal = (SELECT a.journal FROM applier AS a WHERE a.id = 1)) AS touched \
        WHERE NOT EXISTS (SELECT 1 FROM item_history AS h LEFT JOIN items AS i ON i.uid = h.uid WHERE h.uid = touched.uid \
        AND h.seq = (SELECT MAX(e.seq) FROM item_history AS e WHERE e.uid = touched.uid) \
        AND CASE WHEN h.kind = 2 THEN CASE WHEN i.uid IS NULL THEN 1 ELSE 0 END \
        WHEN i.version = h.seq AND i.owner = h.to_owner AND i.container = h.to_container AND i.slot = h.to_slot \
        THEN 1 ELSE 0 END = 1) LIMIT 10";
    SINCE_EVENT_ROWS = "SELECT COUNT(*) OVER (), o.event_id FROM outcomes AS o \
        WHERE o.lsn > $1 AND o.journal = (SELECT a.journal FROM applier AS a WHERE a.id = 1) \
        AND (o.changes <> (SELECT COUNT(*) FROM ledger AS l WHERE l.event_id = o.event_id) \
        OR o.moves <> (SELECT COUNT(*) FROM item_history AS h WHERE h.event_id = o.event_id) \
        OR o.records <> (SELECT COUNT(*) FROM growth AS g WHERE g.event_id = o.event_id) \
        + (SELECT COUNT(*) FROM listing_steps AS t WHERE t.event_id = o.event_id) \
        + (SELECT COUNT(*) FROM cash AS c WHERE c.event_id = o.event_id) \
        + (SELECT COUNT(*) FROM authority AS t WHERE t.event_id = o.event_id) \
        + (SELECT COUNT(*) FROM parcels AS p WHERE p.made_by = o.event_id) \
        + (SELECT COUNT(*) FROM parcels AS p WHERE p.claimed_by = o.event_id) \
        OR (o.outcome <> 0 AND (o.changes <> 0 OR o.moves <> 0 OR o.records <> 0)) \
        OR (o.outcome = 0 AND o.kind > 1 AND o.changes = 0 AND o.moves = 0 AND o.records = 0)) LIMIT 10";
    SINCE_POSITIONS = "SELECT COUNT(*) OVER (), j.id, j.applied_lsn FROM journals AS j \
        WHERE j.id = (SELECT a.journal FROM applier AS a WHERE a.id = 1) AND (j.applied_lsn < $1 \
        OR j.applied_lsn <> j.decided + j.repeated + j.other \
        OR EXISTS (SELECT 1 FROM outcomes AS o WHERE o.journal = j.id AND o.lsn > j.applied_lsn)) LIMIT 10";
    SINCE_REVIEW = "SELECT COUNT(*) OVER (), o.event_id FROM outcomes AS o \
        LEFT JOIN review AS r ON r.event_id = o.event_id WHERE o.lsn > $1 AND o.journal = (SELECT a.journal FROM applier AS a WHERE a.id = 1) \
        AND CASE WHEN o.outcome = 2 THEN 1 ELSE 0 END <> CASE WHEN r.event_id IS NULL THEN 0 ELSE 1 END LIMIT 10";
    SINCE_PARCELS = "SELECT COUNT(*) OVER (), id FROM parcels AS p WHERE \
        (id IN (SELECT t.id FROM outcomes AS o JOIN parcels AS t ON t.made_by = o.event_id \
        WHERE o.lsn > $1 AND o.journal = (SELECT a.journal FROM applier AS a WHERE a.id = 1)) \
        OR id IN (SELECT t.id FROM outcomes AS o JOIN parcels AS t ON t.claimed_by = o.event_id \
        WHERE o.lsn > $1 AND o.journal = (SELECT a.journal FROM applier AS a WHERE a.id = 1))) \
        AND (CASE WHEN claimed_by IS NULL THEN items ELSE 0 END \
        <> (SELECT COUNT(*) FROM items AS i WHERE i.owner = p.id AND i.container = 3) \
        OR NOT EXISTS (SELECT 1 FROM characters AS c WHERE c.id = p.receiver)) LIMIT 10";
    SINCE_LISTINGS = "SELECT COUNT(*) OVER (), id FROM listings AS l WHERE id IN (SELECT t.listing FROM outcomes AS o JOIN listing_steps AS t ON t.event_id = o.event_id \
        WHERE o.lsn > $1 AND o.journal = (SELECT a.journal FROM applier AS a WHERE a.id = 1)) \
        AND (CASE WHEN state = 0 THEN 1 ELSE 0 END \
        <> (SELECT COUNT(*) FROM items AS i WHERE i.owner = l.id AND i.container = 4) \
        OR NOT EXISTS (SELECT 1 FROM listing_steps AS t WHERE t.listing = l.id AND t.version = l.version \
        AND t.bidder = l.bidder AND t.amount = l.bid AND CASE WHEN t.act < 2 THEN 0 ELSE t.act - 1 END = l.state) \
        OR EXISTS (SELECT 1 FROM listing_steps AS t WHERE t.listing = l.id AND t.version > l.version)) LIMIT 10";
    SINCE_GROWTH = "SELECT COUNT(*) OVER (), id FROM characters AS c WHERE id IN (SELECT t.character_id FROM outcomes AS o JOIN growth AS t ON t.event_id = o.event_id \
        WHERE o.lsn > $1 AND o.journal = (SELECT a.journal FROM applier AS a WHERE a.id = 1)) \
        AND (growth_version <> (SELECT COUNT(*) FROM growth AS g WHERE g.character_id = c.id) \
        OR CASE WHEN growth_version = 0 THEN CASE WHEN level = 1 AND points = 0 THEN 0 ELSE 1 END \
        WHEN EXISTS (SELECT 1 FROM growth AS g WHERE g.character_id = c.id AND g.version = c.growth_version \
        AND g.level = c.level AND g.points = c.points AND g.stat_0 = c.stat_0 AND g.stat_1 = c.stat_1 \
        AND g.stat_2 = c.stat_2 AND g.stat_3 = c.stat_3) THEN 0 ELSE 1 END = 1) LIMIT 10";
}

bulk_statements! {
    // Reading what a batch touches.
    FIND_OUTCOMES(event_id: Id) = "SELECT o.event_id, o.outcome, o.reason FROM {rows} \
        JOIN outcomes AS o ON o.event_id = n.event_id";
    FIND_ITEMS(uid: Int) = "SELECT i.uid, i.version, i.template, i.level, i.owner, i.container, i.slot FROM {rows} \
        JOIN items AS i ON i.uid = n.uid";
    FIND_PLACES(owner: Int, container: Int, slot: Int) = "SELECT i.uid, i.owner, i.container, i.slot FROM {rows} \
        JOIN items AS i ON i.owner = n.owner AND i.container = n.container AND i.slot = n.slot";
    FIND_MINTED(uid: Int) = "SELECT h.uid FROM {rows} JOIN item_history AS h ON h.uid = n.uid AND h.seq = 1";
    FIND_BALANCES(account: Int, currency: Int) = "SELECT b.account, b.currency, b.amount FROM {rows} \
        JOIN balances AS b ON b.account = n.account AND b.currency = n.currency";
    FIND_CHARACTERS(id: Int) = "SELECT c.id, c.account, c.growth_version, c.level, c.points, c.stat_0, c.stat_1, \
        c.stat_2, c.stat_3 FROM {rows} JOIN characters AS c ON c.id = n.id";
    FIND_PARCELS(id: Int) = "SELECT p.id, p.sender, p.receiver, p.zen, p.items, p.made_by, p.claimed_by FROM {rows} \
        JOIN parcels AS p ON p.id = n.id";
    FIND_LISTINGS(id: Int) = "SELECT l.id, l.version, l.seller, l.min_bid, l.buy_out, l.ends_s, l.bidder, l.bid, \
        l.state, l.made_by FROM {rows} JOIN listings AS l ON l.id = n.id";
    FIND_REVIEWS(event_id: Id) = "SELECT r.event_id, r.schema, r.payload, r.resolved_by, o.journal, o.lsn FROM {rows} \
        JOIN review AS r ON r.event_id = n.event_id JOIN outcomes AS o ON o.event_id = r.event_id";
    FIND_ACCOUNTS(id: Int) = "SELECT a.id, (SELECT COUNT(*) FROM characters AS c WHERE c.account = a.id) FROM {rows} \
        JOIN accounts AS a ON a.id = n.id";
    FIND_NAMES(name_key: Text) = "SELECT c.name_key FROM {rows} JOIN characters AS c ON c.name_key = n.name_key";
    FIND_FROZEN(kind: Int, id: Int) = "SELECT f.kind, f.id, f.event_id, o.journal, o.lsn FROM {rows} \
        JOIN frozen AS f ON f.kind = n.kind AND f.id = n.id JOIN outcomes AS o ON o.event_id = f.event_id";

    // Writing what it changes.
    ADD_OUTCOMES(event_id: Id, journal: Int, lsn: Int, outcome: Int, reason: Int, changes: Int, moves: Int, kind: Int,
        records: Int) =
        "INSERT INTO outcomes (event_id, journal, lsn, outcome, reason, changes, moves, kind, records) \
        SELECT n.event_id, n.journal, n.lsn, n.outcome, n.reason, n.changes, n.moves, n.kind, n.records \
        FROM {rows} WHERE true ON CONFLICT (event_id) DO NOTHING";
    ADD_CHARACTERS(id: Int, account: Int, name: Text, name_key: Text, class: Int, born_by: Id) =
        "INSERT INTO characters (id, account, name, name_key, class, level, born_by) \
        SELECT n.id, n.account, n.name, n.name_key, n.class, 1, n.born_by FROM {rows}";
    ADD_HOT(id: Int, map: Int, entry: Int, x: Int, y: Int, heading: Int, hp: Int, mp: Int) =
        "INSERT INTO char_hot (id, owner_epoch, version, map, entry, x, y, heading, hp, mp) \
        SELECT n.id, 0, 0, n.map, n.entry, n.x, n.y, n.heading, n.hp, n.mp FROM {rows}";
    ADD_BALANCES(account: Int, currency: Int, amount: Int) = "INSERT INTO balances (account, currency, amount) \
        SELECT n.account, n.currency, n.amount FROM {rows}";
    CHANGE_BALANCES(account: Int, currency: Int, before: Int, amount: Int) = "UPDATE balances SET amount = n.amount \
        FROM {rows} WHERE balances.account = n.account AND balances.currency = n.currency AND balances.amount = n.before";
    ADD_LEDGER(event_id: Id, account: Int, currency: Int, delta: Int) =
        "INSERT INTO ledger (event_id, account, currency, delta) \
        SELECT n.event_id, n.account, n.currency, n.delta FROM {rows}";
    ADD_HISTORY(uid: Int, seq: Int, event_id: Id, kind: Int, from_owner: Int, from_container: Int, from_slot: Int,
        to_owner: Int, to_container: Int, to_slot: Int) =
        "INSERT INTO item_history (uid, seq, event_id, kind, from_owner, from_container, from_slot, to_owner, \
        to_container, to_slot) SELECT n.uid, n.seq, n.event_id, n.kind, n.from_owner, n.from_container, n.from_slot, \
        n.to_owner, n.to_container, n.to_slot FROM {rows}";
    REMOVE_ITEMS(uid: Int, version: Int) = "DELETE FROM items WHERE uid IN (SELECT i.uid FROM {rows} \
        JOIN items AS i ON i.uid = n.uid AND i.version = n.version)";
    PARK_ITEMS(uid: Int, version: Int) = "UPDATE items SET owner = n.uid, container = -1, slot = 0 FROM {rows} \
        WHERE items.uid = n.uid AND items.version = n.version";
    MOVE_ITEMS(uid: Int, version: Int, new_version: Int, owner: Int, container: Int, slot: Int) =
        "UPDATE items SET version = n.new_version, owner = n.owner, container = n.container, slot = n.slot FROM {rows} \
        WHERE items.uid = n.uid AND items.version = n.version";
    ADD_ITEMS(uid: Int, version: Int, template: Int, level: Int, owner: Int, container: Int, slot: Int) =
        "INSERT INTO items (uid, version, template, level, owner, container, slot) \
        SELECT n.uid, n.version, n.template, n.level, n.owner, n.container, n.slot FROM {rows}";
    ADD_FROZEN(kind: Int, id: Int, event_id: Id) = "INSERT INTO frozen (kind, id, event_id) \
        SELECT n.kind, n.id, n.event_id FROM {rows} WHERE true ON CONFLICT DO NOTHING";
    ADD_GROWTH(character_id: Int, version: Int, event_id: Id, level: Int, points: Int, stat_0: Int, stat_1: Int,
        stat_2: Int, stat_3: Int) =
        "INSERT INTO growth (character_id, version, event_id, level, points, stat_0, stat_1, stat_2, stat_3) \
        SELECT n.character_id, n.version, n.event_id, n.level, n.points, n.stat_0, n.stat_1, n.stat_2, n.stat_3 \
        FROM {rows}";
    GROW_CHARACTERS(id: Int, before: Int, growth_version: Int, level: Int, points: Int, stat_0: Int, stat_1: Int,
        stat_2: Int, stat_3: Int) =
        "UPDATE characters SET growth_version = n.growth_version, level = n.level, points = n.points, \
        stat_0 = n.stat_0, stat_1 = n.stat_1, stat_2 = n.stat_2, stat_3 = n.stat_3 FROM {rows} \
        WHERE characters.id = n.id AND characters.growth_version = n.before";
    ADD_PARCELS(id: Int, sender: Int, receiver: Int, zen: Int, items: Int, made_by: Id) =
        "INSERT INTO parcels (id, sender, receiver, zen, items, made_by) \
        SELECT n.id, n.sender, n.receiver, n.zen, n.items, n.made_by FROM {rows}";
    CLAIM_PARCELS(id: Int, claimed_by: Id) = "UPDATE parcels SET claimed_by = n.claimed_by FROM {rows} \
        WHERE parcels.id = n.id AND parcels.claimed_by IS NULL";
    ADD_LISTINGS(id: Int, version: Int, seller: Int, min_bid: Int, buy_out: Int, ends_s: Int, bidder: Int, bid: Int,
        state: Int, made_by: Id) =
        "INSERT INTO listings (id, version, seller, min_bid, buy_out, ends_s, bidder, bid, state, made_by) \
        SELECT n.id, n.version, n.seller, n.min_bid, n.buy_out, n.ends_s, n.bidder, n.bid, n.state, n.made_by \
        FROM {rows}";
    CHANGE_LISTINGS(id: Int, before: Int, version: Int, bidder: Int, bid: Int, state: Int) =
        "UPDATE listings SET version = n.version, bidder = n.bidder, bid = n.bid, state = n.state FROM {rows} \
        WHERE listings.id = n.id AND listings.version = n.before";
    ADD_LISTING_STEPS(listing: Int, version: Int, event_id: Id, act: Int, bidder: Int, amount: Int) =
        "INSERT INTO listing_steps (listing, version, event_id, act, bidder, amount) \
        SELECT n.listing, n.version, n.event_id, n.act, n.bidder, n.amount FROM {rows}";
    ADD_CASH(event_id: Id, account: Int, reference: Text) = "INSERT INTO cash (event_id, account, reference) \
        SELECT n.event_id, n.account, n.reference FROM {rows}";

    // Hot state and accounts in numbers.
    FLUSH_HOT(id: Int, owner_epoch: Int, version: Int, map: Int, entry: Int, x: Int, y: Int, heading: Int, hp: Int,
        mp: Int) =
        "UPDATE char_hot SET owner_epoch = n.owner_epoch, version = n.version, map = n.map, entry = n.entry, x = n.x, \
        y = n.y, heading = n.heading, hp = n.hp, mp = n.mp FROM {rows} WHERE char_hot.id = n.id \
        AND (char_hot.owner_epoch < n.owner_epoch \
        OR (char_hot.owner_epoch = n.owner_epoch AND char_hot.version < n.version)) RETURNING char_hot.id";
    RESTORE_ACCOUNTS(id: Int, name: Text, name_key: Text, password: Text, generation: Int, created_us: Int) =
        "INSERT INTO accounts (id, name, name_key, password, generation, created_us) \
        SELECT n.id, n.name, n.name_key, n.password, n.generation, n.created_us FROM {rows} WHERE true \
        ON CONFLICT (id) DO UPDATE SET password = excluded.password, generation = excluded.generation";
    RAISE_SEQUENCES(id: Int, next: Int) = "UPDATE sequences SET next = n.next FROM {rows} \
        WHERE sequences.id = n.id AND sequences.next < n.next";
    ADD_ACCOUNTS(id: Int, name: Text, name_key: Text, password: Text, created_us: Int) =
        "INSERT INTO accounts (id, name, name_key, password, generation, created_us) \
        SELECT n.id, n.name, n.name_key, n.password, 0, n.created_us FROM {rows} WHERE true \
        ON CONFLICT (name_key) DO NOTHING";
}

#[cfg(test)]
mod tests {
    use super::{BULK_STATEMENTS, STATEMENTS};

    /// The parameter numbers of a statement in the order of their first mention.
    fn first_mentions(text: &str) -> Vec<u32> {
        let mut seen = Vec::new();
        for part in text.split('$').skip(1) {
            let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
            let number = digits.parse().unwrap();
            if !seen.contains(&number) {
                seen.push(number);
            }
        }
        seen
    }

    #[test]
    fn parameters_are_first_mentioned_in_order() {
        for (name, text) in STATEMENTS {
            let mentions = first_mentions(text);
            let in_order: Vec<u32> = (1..).take(mentions.len()).collect();
            assert_eq!(mentions, in_order, "{name}: {text}");
        }
    }

    #[test]
    fn the_order_check_sees_a_wrong_order() {
        assert_eq!(first_mentions("SELECT $2, $1, $2"), [2, 1]);
    }

    #[test]
    fn bulk_statements_name_their_rows_once_and_use_each_column() {
        for bulk in BULK_STATEMENTS {
            assert_eq!(bulk.text.matches("{rows}").count(), 1, "{}", bulk.text);
            assert!(!bulk.text.contains('$'), "{}", bulk.text);
            for (column, _) in bulk.columns {
                assert!(bulk.text.contains(&format!("n.{column}")), "{column} in {}", bulk.text);
            }
        }
    }

    /// Every statement as each database gets it, by name.
    fn texts(rows: fn(&crate::sql::Bulk) -> String) -> impl Iterator<Item = String> {
        let bulk = BULK_STATEMENTS.iter().map(move |bulk| rows(bulk));
        STATEMENTS.iter().map(|(_, text)| (*text).to_owned()).chain(bulk)
    }

    #[test]
    fn sqlite_understands_every_statement() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let url = format!("sqlite:{}", path.display());
        crate::store::open(&url, crate::store::Role::Tool).unwrap().migrate().unwrap();
        let connection = rusqlite::Connection::open(path).unwrap();
        for text in texts(crate::sql::sqlite::with_rows) {
            connection.prepare(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        }
    }

    #[test]
    fn postgres_understands_every_statement() {
        let server = crate::testing::PrivatePostgres::start();
        crate::store::open(&server.url(), crate::store::Role::Tool).unwrap().migrate().unwrap();
        let mut client = postgres::Client::connect(&server.url(), postgres::NoTls).unwrap();
        for text in texts(crate::sql::postgres::with_rows) {
            client.prepare(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        }
    }
}
