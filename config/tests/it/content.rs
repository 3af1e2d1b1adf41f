//! World content: what the demo world promises, and the words of each mistake.

use std::path::Path;

use mu_config::{Content, Service, load_content, write_demo};

use super::lines;

/// The findings after one change to one file of the demo world.
fn after(file: &str, from: &str, to: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_demo(folder.path()).expect("the folder can be written");
    change(&folder.path().join(file), from, to);
    match load_content(folder.path()) {
        Ok(_) => Vec::new(),
        Err(found) => lines(&found),
    }
}

fn change(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).expect("a demo file");
    assert!(text.contains(from), "{} does not hold {from:?}", path.display());
    std::fs::write(path, text.replacen(from, to, 1)).expect("the file can be written");
}

#[test]
fn midgard_has_two_entry_points_and_three_maps_each_joined_by_portals() {
    let content = Content::demo();
    let world = &content.worlds[0];
    assert_eq!(world.name, "Midgard");
    let names: Vec<_> = world.entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["Midgard-1", "Midgard-2"]);
    assert!(world.entries.iter().all(|entry| entry.maps == [1, 2, 3]));
    for map in &content.maps {
        assert!((64..=128).contains(&map.width) && (64..=128).contains(&map.height), "{}", map.key);
        for portal in &map.portals {
            let there = content.map(portal.to_map).expect("a portal leads to a map");
            assert!(there.walk.get(portal.to.0, portal.to.1), "portal {} of {} leads to a wall", portal.id, map.key);
            assert!(there.portals.iter().any(|back| back.to_map == map.id), "no way back from {}", there.key);
        }
        for spawn in &map.spawns {
            assert!(spawn.area.tiles().all(|(x, y)| map.walk.get(x, y)), "a spawn of {} stands in a wall", map.key);
        }
    }
    let town = content.map(content.start.0).expect("the start is on a map");
    assert!(content.start.1.tiles().all(|(x, y)| town.safe.get(x, y)), "a new character is safe");
    assert!(content.classes.iter().all(|class| class.kit.zen > 0 && class.kit.items.len() >= 4));
}

#[test]
fn a_portal_into_nothing_says_what_there_is() {
    assert_eq!(
        after("maps/lindwall.toml", "emberfield:w", "emberfeld:w"),
        ["110:6 error: this portal leads to map \"emberfeld\", which does not exist (did you mean \"emberfield\"?)"]
    );
    assert_eq!(
        after("maps/lindwall.toml", "emberfield:w", "emberfield:x"),
        [
            "110:6 error: this portal leads to \"x\" on \"emberfield\", which is not an arrival (arrivals drawn there: \"emberfield:c\", \"emberfield:w\")"
        ]
    );
    assert_eq!(
        after("maps/lindwall.toml", "emberfield:w", "emberfield"),
        [
            "110:6 error: \"emberfield\" is not a destination (write MAP:LETTER, the letter being an arrival drawn on that map)"
        ]
    );
}

#[test]
fn an_arrival_in_a_wall_is_refused_in_the_legend() {
    let found = after("maps/emberfield.toml", "\"arrival on safe\"", "\"arrival on wall\"");
    assert!(found[0].contains("error: the letter 'w' means nothing known"), "{found:#?}");
}

#[test]
fn a_closed_room_is_found_by_its_first_tile() {
    let found = after("maps/lindwall.toml", ",,###_###,,,,,,,,", ",,#######,,,,,,,,");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].contains(
            "tiles here cannot be reached from the spawn (open a way north, east, south or west, or draw wall)"
        ),
        "{found:#?}"
    );
}

#[test]
fn a_portal_that_cannot_be_reached_is_named() {
    let found = after("maps/gloomdeep.toml", "###DDDD#", "########");
    assert!(!found.is_empty(), "half a portal is still a rectangle or a mistake");
    let found = after("maps/gloomdeep.toml", "........e......", "........#......");
    assert!(found.iter().any(|line| line.contains("which is not an arrival")), "{found:#?}");
}

#[test]
fn an_uneven_row_and_an_unknown_letter_are_placed_in_the_drawing() {
    let row = "TT..T.T.~~~~~...";
    assert_eq!(
        after("maps/lindwall.toml", row, "TT..T.T.~~~~~...."),
        ["11:1 error: this row has 97 letters (the first row has 96, and all rows have to be equal)"]
    );
    let found = after("maps/lindwall.toml", row, "TT..T.T.~?~~~...");
    assert_eq!(found, ["11:10 error: the letter '?' is not in the legend (letters of the legend: #,.ADSTVW_a~)"]);
}

#[test]
fn duplicates_name_the_first_use() {
    assert_eq!(
        after("items.toml", "id = 2\n", "id = 1\n"),
        ["11:6 error: item id 1 is used twice (it is first used in line 4)"]
    );
    assert_eq!(
        after("items.toml", "\"Hunting Bow\"", "\"Short Sword\"")[0],
        "12:8 error: item name \"Short Sword\" is used twice (it is first used in line 5)"
    );
    assert_eq!(
        after("maps/emberfield.toml", "id = 2\n", "id = 1\n"),
        ["3:6 error: map id 1 is used twice (it is first used in line 4)"]
    );
    assert_eq!(
        after("world.toml", "id = 2\n", "id = 1\n"),
        ["16:6 error: entry point id 1 is used twice (it is first used in line 12)"]
    );
}

#[test]
fn a_starter_kit_holds_items_that_exist_and_fit() {
    assert_eq!(
        after("classes.toml", "item = \"Short Sword\"", "item = \"Shrt Sword\""),
        ["12:14 error: there is no item \"Shrt Sword\" (did you mean \"Short Sword\"?)"]
    );
    assert_eq!(
        after("classes.toml", "\"Short Sword\", level = 0", "\"Short Sword\", level = 10"),
        ["12:37 error: \"Short Sword\" cannot have level 10 (its max_level is 9)"]
    );
    let many = "    { item = \"Round Shield\", level = 0 },\n".repeat(60);
    assert_eq!(
        after("classes.toml", "    { item = \"Round Shield\", level = 0 },\n", &many),
        ["11:9 error: 65 starter items for 64 inventory slots (allowed: up to 64)"]
    );
}

#[test]
fn marks_and_tables_have_to_agree() {
    assert_eq!(
        after("maps/lindwall.toml", "mark = \"A\"", "mark = \"B\""),
        [
            "109:8 error: 'B' marks nothing in the drawing (drawn for this: \"A\")",
            "46:93 error: the portal 'A' is drawn and not described (add [[portal]] with mark = \"A\")"
        ]
    );
    let found = after("maps/lindwall.toml", "mark = \"A\"", "mark = \"S\"");
    assert_eq!(found[0], "109:8 error: 'S' is drawn for `spawn` (drawn for this: \"A\")");
    let found = after("maps/emberfield.toml", "template = \"thorn-hare\"", "template = \"thorn-bear\"");
    assert!(
        found[0].ends_with("error: there is no monster \"thorn-bear\" (did you mean \"thorn-hare\"?)"),
        "{found:#?}"
    );
    let found = after("maps/lindwall.toml", "SSSSSSSSSSSSSSSSSSSS", "SSSSSSSSSS,SSSSSSSSS");
    assert!(found[0].contains("the spawn 'S' is not a full rectangle"), "{found:#?}");
}

#[test]
fn the_start_has_to_be_a_spawn() {
    assert_eq!(
        after("world.toml", "mark = \"S\"", "mark = \"Q\""),
        ["4:36 error: 'Q' is not a spawn of \"lindwall\" (spawns drawn there: \"S\")"]
    );
    assert_eq!(
        after("world.toml", "start = { map = \"lindwall\"", "start = { map = \"linwall\""),
        ["4:17 error: the start is on map \"linwall\", which does not exist (did you mean \"lindwall\"?)"]
    );
}

#[test]
fn unknown_and_missing_keys_are_both_reported() {
    let found = after("monsters.toml", "sight_tiles = 4", "sigth_tiles = 4");
    assert_eq!(
        found[..2],
        [
            "3:1 error: `sight_tiles` is missing ()",
            "10:1 error: unknown key `sigth_tiles` (did you mean `sight_tiles`?)"
        ]
    );
}

#[test]
fn a_missing_file_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_demo(folder.path()).expect("the folder can be written");
    std::fs::remove_file(folder.path().join("maps/gloomdeep.toml")).expect("the file is there");
    let found = load_content(folder.path()).expect_err("a map is missing");
    assert!(found.entries()[0].file.ends_with("maps/gloomdeep.toml"), "{found}");
    assert!(found.entries()[0].message.starts_with("the file cannot be read"), "{found}");
}

#[test]
fn mistakes_of_several_files_come_in_one_pass() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_demo(folder.path()).expect("the folder can be written");
    change(&folder.path().join("items.toml"), "slot = \"weapon\"", "slot = \"wepon\"");
    change(&folder.path().join("maps/lindwall.toml"), "emberfield:w", "emberfield:x");
    change(&folder.path().join("maps/gloomdeep.toml"), "count = 6", "count = 0");
    let found = load_content(folder.path()).expect_err("three mistakes");
    let files: Vec<_> = found.entries().iter().filter_map(|entry| entry.file.file_name()?.to_str()).collect();
    for file in ["items.toml", "gloomdeep.toml", "lindwall.toml"] {
        assert!(files.contains(&file), "{file} is not in {found}");
    }
}

#[test]
fn the_town_has_a_warehouse_and_shops_in_reach_of_the_square() {
    let content = Content::demo();
    let town = content.map(content.start.0).expect("the start is on a map");
    let keeps = |service: Service| town.keepers.iter().any(|keeper| keeper.service == service);
    assert!(keeps(Service::Warehouse) && content.shops.iter().all(|shop| keeps(Service::Shop(shop.id))));
    for keeper in &town.keepers {
        assert!(town.walk.get(keeper.at.0, keeper.at.1), "{} stands in a wall", keeper.name);
        let near = |x: u16, y: u16| x.abs_diff(keeper.at.0).max(y.abs_diff(keeper.at.1)) <= u16::from(keeper.reach);
        assert!(content.start.1.tiles().any(|(x, y)| near(x, y)), "{} is out of reach of the square", keeper.name);
    }
}

#[test]
fn no_shop_pays_more_than_any_shop_asks() {
    let content = Content::demo();
    for item in &content.items {
        for level in 0..=item.max_level {
            let asked = content.shops.iter().map(|shop| shop.asks(item, level)).min().expect("there are shops");
            let paid = content.shops.iter().map(|shop| shop.pays(item, level)).max().expect("there are shops");
            assert!(paid <= asked, "{} of level {level}: {paid} paid, {asked} asked", item.name);
        }
    }
    let sword = &content.items[0];
    assert_eq!((sword.worth(0), sword.worth(1), sword.worth(2)), (120, 180, 240));
    assert_eq!(
        after("shops.toml", "buys_percent = 40", "buys_percent = 101"),
        ["9:16 error: shop \"smithy\" pays 101 percent (shop \"smithy\" sells at 100 percent: nobody may pay more)"]
    );
}

#[test]
fn mistakes_about_shops_and_keepers_are_pointed_at() {
    for (file, from, to, expected) in [
        (
            "shops.toml",
            "\"Ash Staff\"",
            "\"Ash Stuff\"",
            "error: there is no item \"Ash Stuff\" (did you mean \"Ash Staff\"?)",
        ),
        (
            "shops.toml",
            "\"Copper Ring\", level = 0",
            "\"Copper Ring\", level = 1",
            "error: \"Copper Ring\" cannot have level 1 (its max_level is 0)",
        ),
        (
            "maps/lindwall.toml",
            "keeps = \"smithy\"",
            "keeps = \"smith\"",
            "error: there is no shop \"smith\" (did you mean \"smithy\"?)",
        ),
        (
            "maps/lindwall.toml",
            "name = \"Halla\"",
            "name = \"Halla of Lindwall\"",
            "error: `name` is 17 bytes long (allowed: a string of 1 to 10 bytes)",
        ),
    ] {
        let found = after(file, from, to);
        assert!(found.len() == 1 && found[0].ends_with(expected), "{found:#?}");
    }
}
