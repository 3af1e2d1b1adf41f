//! Chat: who hears what, how often, and what of it.

use mu_core::map::{Joining, Rules};
use mu_wire::EntityId;
use mu_wire::messages::{ChatChannel, ClientMessage, Refusal, ServerMessage};
use mu_wire::motion::Tile;

use super::rig::{Rig, character, open_map};

fn say(rig: &mut Rig, who: EntityId, text: &str) {
    rig.ask(who, ClientMessage::Chat { channel: ChatChannel::Local, text });
    rig.step();
}

fn lines(rig: &mut Rig, who: EntityId) -> Vec<String> {
    rig.heard(who, |message| match message {
        ServerMessage::Chat { name, text, .. } => format!("{name}: {text}"),
        ServerMessage::Refused { what, detail } => format!("{what:?} {detail}"),
        other => other.name().to_owned(),
    })
}

#[test]
fn those_who_see_the_speaker_hear_it_and_so_does_the_speaker() {
    let mut rig = Rig::new(&open_map(128), 4, Rules::default(), 1);
    let speaker = rig.join(&character(1, Tile::new(10, 10), 0, &[]));
    let near = rig.join(&character(2, Tile::new(20, 10), 0, &[]));
    let far = rig.join(&character(3, Tile::new(90, 90), 0, &[]));
    let alone = character(4, Tile::new(11, 10), 0, &[]);
    let alone = rig.map.join(Joining::Fresh { character: &alone, connected: false }).unwrap();
    rig.step();
    rig.told.clear();
    say(&mut rig, speaker, " hello\u{202E}  there\n");
    assert_eq!(lines(&mut rig, speaker), ["Hero1: hello there"]);
    assert_eq!(lines(&mut rig, near), ["Hero1: hello there"]);
    assert!(lines(&mut rig, far).is_empty());
    assert!(lines(&mut rig, alone).is_empty(), "nobody listens there");
}

#[test]
fn three_at_once_and_then_one_in_one_and_a_half_seconds() {
    let mut rig = Rig::new(&open_map(16), 1, Rules::default(), 1);
    let who = rig.join(&character(1, Tile::new(5, 5), 0, &[]));
    rig.step();
    rig.told.clear();
    for text in ["a", "b", "c", "d"] {
        rig.ask(who, ClientMessage::Chat { channel: ChatChannel::Local, text });
    }
    rig.step();
    assert_eq!(lines(&mut rig, who), ["Hero1: a", "Hero1: b", "Hero1: c", "ChatRate 1500"]);
    rig.steps(28);
    say(&mut rig, who, "e");
    assert_eq!(lines(&mut rig, who), ["ChatRate 50"], "one tick too early");
    say(&mut rig, who, "f");
    assert_eq!(lines(&mut rig, who), ["Hero1: f"]);
    assert_eq!((rig.map.stats().chats, rig.map.stats().chats_refused), (4, 2));
}

#[test]
fn nothing_to_read_is_refused_and_so_are_channels_that_lead_nowhere() {
    let mut rig = Rig::new(&open_map(16), 1, Rules::default(), 1);
    let who = rig.join(&character(1, Tile::new(5, 5), 0, &[]));
    rig.step();
    rig.told.clear();
    say(&mut rig, who, " \u{200B}\t");
    rig.ask(who, ClientMessage::Chat { channel: ChatChannel::Guild, text: "hello" });
    rig.step();
    assert_eq!(lines(&mut rig, who), [format!("{:?} 0", Refusal::ChatEmpty), format!("{:?} 2", Refusal::ChatChannel)]);
}

#[test]
fn one_flood_does_not_crowd_out_the_others() {
    let mut rig = Rig::new(&open_map(16), 2, Rules::default(), 1);
    let flood = rig.join(&character(1, Tile::new(5, 5), 0, &[]));
    let other = rig.join(&character(2, Tile::new(5, 5), 0, &[]));
    rig.step();
    rig.told.clear();
    let message = ClientMessage::Chat { channel: ChatChannel::Local, text: "x" };
    let queued = (0..10_000).filter(|_| rig.map.request(flood, &message)).count();
    assert_eq!(queued, 16);
    assert_eq!(rig.map.stats().dropped, 10_000 - 16);
    rig.ask(other, ClientMessage::Chat { channel: ChatChannel::Local, text: "here" });
    rig.step();
    assert!(lines(&mut rig, other).contains(&"Hero2: here".to_owned()));
}
