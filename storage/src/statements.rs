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
    REVIEW_ADD = "INSERT INTO review (event_id, payload, detail) VALUES ($1, $2, $3)";

    // Accounts and sessions.
    ACCOUNT_CREATE = "INSERT INTO accounts (id, name, name_key, password, generation, created_us) \
        VALUES ($1, $2, $3, $4, 0, $5) ON CONFLICT (name_key) DO NOTHING";
    ACCOUNT_BY_KEY = "SELECT id, name, password, generation FROM accounts WHERE name_key = $1";
    ACCOUNT_BY_ID = "SELECT id, name, password, generation FROM accounts WHERE id = $1";
    SESSION_OPEN = "UPDATE accounts SET generation = generation + 1 WHERE id = $1 RETURNING generation";

    // Characters.
    CHARACTERS_OF = "SELECT id, account, name, class, level FROM characters WHERE account = $1 ORDER BY id";
    CHARACTER = "SELECT c.id, c.account, c.name, c.class, c.level, h.owner_epoch, h.version, h.map, h.entry, h.x, h.y, \
        h.heading, h.hp, h.mp, b.amount FROM characters AS c JOIN char_hot AS h ON h.id = c.id \
        JOIN balances AS b ON b.account = c.id AND b.currency = 0 WHERE c.id = $1";
    ITEMS_OF = "SELECT uid, version, template, level, container, slot FROM items WHERE owner = $1 \
        ORDER BY container, slot";
    CHARACTER_TAKE = "UPDATE char_hot SET owner_epoch = owner_epoch + 1 WHERE id = $1 \
        AND EXISTS (SELECT 1 FROM characters AS c WHERE c.id = $1 AND c.account = $2)";
    CHARACTER_FROZEN = "SELECT 1 FROM frozen WHERE kind = 0 AND id = $1";
    ID_BLOCK = "UPDATE sequences SET next = next + $1 WHERE id = $2 RETURNING next";

    // Beside the journal.
    BESIDE_ACCOUNTS = "SELECT id, name, password, generation, created_us FROM accounts ORDER BY id";
    BESIDE_SEQUENCES = "SELECT id, next FROM sequences ORDER BY id";
    BESIDE_HOT = "SELECT id, owner_epoch, version, map, entry, x, y, heading, hp, mp FROM char_hot ORDER BY id";

    // The economy.
    ECONOMY = "SELECT CAST(COALESCE(SUM(CASE WHEN account > 0 THEN amount END), 0) AS BIGINT), \
        CAST(COALESCE(SUM(CASE WHEN account < 0 AND amount < 0 THEN -amount END), 0) AS BIGINT), \
        CAST(COALESCE(SUM(CASE WHEN account < 0 AND amount > 0 THEN amount END), 0) AS BIGINT) \
        FROM balances WHERE currency = $1";
    ECONOMY_ITEMS = "SELECT a.items_minted, a.items_burned, COALESCE(j.applied_lsn, 0), (SELECT COUNT(*) FROM items) \
        FROM applier AS a LEFT JOIN journals AS j ON j.id = a.journal WHERE a.id = 1";

    // The audit: each returns, for the first few offenders, how many there are and what names them.
    AUDIT_EVENT_BALANCED = "SELECT COUNT(*) OVER (), event_id, currency FROM ledger GROUP BY event_id, currency \
        HAVING SUM(delta) <> 0 LIMIT 10";
    AUDIT_WORLD_BALANCED = "SELECT COUNT(*) OVER (), currency FROM balances GROUP BY currency \
        HAVING SUM(amount) <> 0 LIMIT 10";
    AUDIT_BALANCES = "SELECT COUNT(*) OVER (), account, currency FROM ( \
        SELECT account, currency, CAST(SUM(amount) AS BIGINT) AS amount, CAST(SUM(delta) AS BIGINT) AS delta, \
        COUNT(amount) AS accounts FROM ( \
        SELECT account, currency, amount, 0 AS delta FROM balances UNION ALL \
        SELECT account, currency, NULL AS amount, delta FROM ledger) AS sides GROUP BY account, currency) AS sums \
        WHERE accounts <> 1 OR amount <> delta LIMIT 10";
    AUDIT_NO_DEBT = "SELECT COUNT(*) OVER (), account, currency FROM balances WHERE account > 0 AND amount < 0 LIMIT 10";
    AUDIT_PLACES = "SELECT COUNT(*) OVER (), uid FROM items AS i WHERE container < 0 \
        OR NOT EXISTS (SELECT 1 FROM characters AS c WHERE c.id = i.owner) \
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
        SELECT event_id, SUM(known) AS known, SUM(applied) AS applied, SUM(changes) AS changes, SUM(moves) AS moves FROM ( \
        SELECT event_id, 1 AS known, CASE WHEN outcome = 0 THEN 1 ELSE 0 END AS applied, changes, moves FROM outcomes \
        UNION ALL SELECT event_id, 0 AS known, 0 AS applied, -1 AS changes, 0 AS moves FROM ledger \
        UNION ALL SELECT event_id, 0 AS known, 0 AS applied, 0 AS changes, -1 AS moves FROM item_history) AS sides \
        GROUP BY event_id) AS sums WHERE known <> 1 OR changes <> 0 OR moves <> 0 LIMIT 10";
    AUDIT_REJECTED_EMPTY = "SELECT COUNT(*) OVER (), event_id FROM outcomes \
        WHERE outcome <> 0 AND (changes <> 0 OR moves <> 0) LIMIT 10";
    AUDIT_REVIEW = "SELECT COUNT(*) OVER (), o.event_id FROM outcomes AS o \
        LEFT JOIN review AS r ON r.event_id = o.event_id \
        WHERE CASE WHEN o.outcome = 2 THEN 1 ELSE 0 END <> CASE WHEN r.event_id IS NULL THEN 0 ELSE 1 END LIMIT 10";
    AUDIT_OWNERS = "SELECT COUNT(*) OVER (), c.id FROM characters AS c LEFT JOIN accounts AS a ON a.id = c.account \
        WHERE a.id IS NULL LIMIT 10";
    AUDIT_CHARACTERS = "SELECT COUNT(*) OVER (), c.id FROM characters AS c \
        LEFT JOIN char_hot AS h ON h.id = c.id LEFT JOIN balances AS b ON b.account = c.id AND b.currency = 0 \
        LEFT JOIN outcomes AS o ON o.event_id = c.born_by AND o.outcome = 0 \
        WHERE h.id IS NULL OR b.account IS NULL OR o.event_id IS NULL LIMIT 10";
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
    FIND_CHARACTERS(id: Int) = "SELECT c.id FROM {rows} JOIN characters AS c ON c.id = n.id";
    FIND_ACCOUNTS(id: Int) = "SELECT a.id, (SELECT COUNT(*) FROM characters AS c WHERE c.account = a.id) FROM {rows} \
        JOIN accounts AS a ON a.id = n.id";
    FIND_NAMES(name_key: Text) = "SELECT c.name_key FROM {rows} JOIN characters AS c ON c.name_key = n.name_key";
    FIND_FROZEN(kind: Int, id: Int) = "SELECT f.kind, f.id FROM {rows} \
        JOIN frozen AS f ON f.kind = n.kind AND f.id = n.id";

    // Writing what it changes.
    ADD_OUTCOMES(event_id: Id, journal: Int, lsn: Int, outcome: Int, reason: Int, changes: Int, moves: Int) =
        "INSERT INTO outcomes (event_id, journal, lsn, outcome, reason, changes, moves) \
        SELECT n.event_id, n.journal, n.lsn, n.outcome, n.reason, n.changes, n.moves FROM {rows} WHERE true \
        ON CONFLICT (event_id) DO NOTHING";
    ADD_CHARACTERS(id: Int, account: Int, name: Text, name_key: Text, class: Int, born_by: Id) =
        "INSERT INTO characters (id, account, name, name_key, class, level, born_by) \
        SELECT n.id, n.account, n.name, n.name_key, n.class, 1, n.born_by FROM {rows}";
    ADD_HOT(id: Int, map: Int, entry: Int, x: Int, y: Int, heading: Int, hp: Int, mp: Int) =
        "INSERT INTO char_hot (id, owner_epoch, version, map, entry, x, y, heading, hp, mp) \
        SELECT n.id, 0, 0, n.map, n.entry, n.x, n.y, n.heading, n.hp, n.mp FROM {rows}";
    ADD_BALANCES(account: Int, currency: Int, amount: Int) = "INSERT INTO balances (account, currency, amount) \
        SELECT n.account, n.currency, n.amount FROM {rows}";
    CHANGE_BALANCES(account: Int, currency: Int, delta: Int) = "UPDATE balances SET amount = amount + n.delta FROM {rows} \
        WHERE balances.account = n.account AND balances.currency = n.currency";
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
