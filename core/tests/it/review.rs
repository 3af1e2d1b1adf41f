//! What is set aside waits until an operator decides it, by the command an operator gives.

use std::path::Path;
use std::process::{Command, Output};

use mu_core::ops::offline;
use mu_storage::event::{Birth, CharacterName, EventKind, Place, ValueEvent};
use mu_storage::ids::AccountId;
use mu_storage::store::{NewAccount, Outcome, Role, open};

fn mu_core(folder: &Path, arguments: &[&str]) -> Output {
    let config = folder.join("mu-core.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_mu-core"));
    command.args(arguments).arg("--config").arg(config).output().expect("the program runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A folder with a store, one character with one item, and a trade with itself that no map would make.
fn site() -> (tempfile::TempDir, u128) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(
        folder.path().join("mu-core.toml"),
        "[store]\nurl = \"sqlite:mu.db\"\n[wal]\ndir = \"wal\"\nsegment_mib = 1\n[keys]\nfile = \"keys\"\n",
    )
    .expect("written");
    let none: [String; 0] = [];
    let plan = mu_config::load(&folder.path().join("mu-core.toml"), [], none).expect("a plan");
    let settings = &plan.settings;
    let mut store = open(&settings.store.url, Role::Tool).expect("a store");
    store.migrate().expect("tables");
    let account = NewAccount { id: AccountId(7), name: "somebody", password: "$argon2id$x", created_us: 1 };
    store.account_create(&account).expect("an account");
    let name = CharacterName::new("Somebody").expect("a name");
    let birth =
        Birth { character: 1, account: 7, name, class: 1, entry: 1, map: 1, x: 1, y: 1, heading: 0, hp: 9, mp: 9 };
    let born = offline::decide(settings, |id| ValueEvent::character_birth(id, birth, 5, [(11, 3, 0, 0)]));
    assert_eq!(born.expect("decided"), Outcome::Applied);
    let mut wrong = 0;
    let aside = offline::decide(settings, |id| {
        wrong = id;
        let mut event = ValueEvent::new(id, EventKind::Trade);
        event.moves.push(mu_storage::event::ItemMove {
            uid: 11,
            version: 0,
            from: Place::inventory(1, 0),
            to: Place::inventory(1, 1),
        });
        event
    });
    assert!(matches!(aside.expect("decided"), Outcome::Quarantined(_)));
    (folder, wrong)
}

#[test]
fn an_operator_sees_what_was_set_aside_and_decides_it() {
    let (folder, event) = site();
    let id = format!("{event:032x}");
    let list = mu_core(folder.path(), &["review", "list"]);
    assert_eq!(list.status.code(), Some(2), "{}", said(&list));
    assert!(said(&list).contains(&id) && said(&list).contains("1 wait"), "{}", said(&list));
    let show = mu_core(folder.path(), &["review", "show", &id]);
    assert!(show.status.success() && said(&show).contains("freezes"), "{}", said(&show));

    let unsigned = mu_core(folder.path(), &["review", "resolve", &id, "discard", "--operator", "ada"]);
    assert!(!unsigned.status.success() && said(&unsigned).contains("--reason"), "{}", said(&unsigned));
    let decided = mu_core(
        folder.path(),
        &["review", "resolve", &id, "discard", "--operator", "ada", "--reason", "no such trade"],
    );
    assert!(decided.status.success(), "{}", said(&decided));
    let again = mu_core(
        folder.path(),
        &["review", "resolve", &id, "discard", "--operator", "ada", "--reason", "no such trade"],
    );
    assert!(!again.status.success() && said(&again).contains("decided already"), "{}", said(&again));

    let list = mu_core(folder.path(), &["review", "list"]);
    assert!(list.status.success() && said(&list).contains("0 wait"), "{}", said(&list));
    let audit = mu_core(folder.path(), &["audit"]);
    assert!(audit.status.success(), "{}", said(&audit));
}

#[test]
fn a_loss_is_made_good_by_a_parcel_and_an_item_tells_where_it_has_been() {
    let (folder, event) = site();
    let id = format!("{event:032x}");
    let signed = ["--operator", "ada", "--reason", "made good"];
    let empty = mu_core(folder.path(), &[&["review", "resolve", &id, "compensate"], &signed[..]].concat());
    assert!(!empty.status.success() && said(&empty).contains("--zen"), "{}", said(&empty));
    let given = [&["review", "resolve", &id, "compensate", "--to", "1", "--zen", "40"], &signed[..]].concat();
    let decided = mu_core(folder.path(), &given);
    assert!(decided.status.success(), "{}", said(&decided));
    let audit = mu_core(folder.path(), &["audit"]);
    assert!(audit.status.success(), "{}", said(&audit));

    let item = mu_core(folder.path(), &["item", "11"]);
    assert!(item.status.success() && said(&item).contains("nowhere -> inventory 0 of 1 Somebody"), "{}", said(&item));
    let none = mu_core(folder.path(), &["item", "12"]);
    assert!(!none.status.success() && said(&none).contains("there is and was no item 12"), "{}", said(&none));
}
