//! The Wireshark dissector, run by tshark over captures of sessions in memory: what it shows, with and without keys, and that
//! nothing a capture may hold is too much for it.

use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use mu_wire::messages::{ChatChannel, ClientMessage, Input, Item, List, MAX_MESSAGE_BYTES, ServerMessage, Walk};
use mu_wire::motion::{Direction, Position, Steps};
use mu_wire::{CloseCode, EntityId, KeyLimits, Limits, ServerConfig, Tick};

use crate::dice::Dice;
use crate::key_log::{Opened, opened, seal};
use crate::link::{Link, Weather};

/// Ends of the captured session.
const SERVER: (Ipv4Addr, u16) = (Ipv4Addr::new(10, 1, 1, 1), 7700);
const CLIENT: (Ipv4Addr, u16) = (Ipv4Addr::new(10, 2, 2, 2), 5000);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A session in which each side says something of everything, and keys are renewed.
fn session() -> Link {
    let keys = KeyLimits { packets: 8, ..KeyLimits::default() };
    let limits = Limits { keys, ..Limits::default() };
    let weather = Weather { delay: ms(10), ..Weather::default() };
    let mut link = Link::with(5, weather, ServerConfig { limits, ..ServerConfig::default() });
    link.client.set_key_limits(keys);
    link.client.log_keys();
    link.capture = Some(Vec::new());
    link.run(ms(100));
    say(&mut link);
    for tick in 0..40 {
        for step in 0..10 {
            link.step((step == 0).then_some(Tick(tick)), &mut |_, space| {
                space[..4].copy_from_slice(b"snap");
                4
            });
        }
    }
    link.client.close(CloseCode(0x101));
    link.run(ms(400));
    link
}

fn say(link: &mut Link) {
    let mut buffer = [0; MAX_MESSAGE_BYTES];
    let chat = ClientMessage::Chat { channel: ChatChannel::Guild, text: "Grüß Gott" };
    let offer = ClientMessage::TradeOffer { revision: 7, zen: 1 << 40, items: List::new(&[77, 78]) };
    for message in [chat, offer, ClientMessage::TradeCancel] {
        let length = message.encode(&mut buffer).unwrap();
        link.client.send(message.lane(), &buffer[..length]).unwrap();
    }
    let steps = Steps::new(&[Direction::East, Direction::NorthWest]).unwrap();
    for input in [Input::Walk(Walk { from: Position::new(0x0a80, 0x1480), steps }), Input::Step { dx: -1, dy: 1 }] {
        let length = input.encode(&mut buffer).unwrap();
        link.client.input(&buffer[..length]).unwrap();
    }
    let conn = link.conn();
    let items = [Item { uid: 1 << 60, template: 0x1234, slot: 5, level: 9 }];
    let inventory = ServerMessage::Inventory { zen: 5, items: List::new(&items) };
    let asked = ServerMessage::TradeRequested { from: EntityId::new(5, 1), name: "Verdandi" };
    let transfer = ServerMessage::Transfer {
        address: "[fe80::1]:4500".parse().unwrap(),
        routing_id: 11,
        key_id: 1,
        expires_s: 1_800_000_000,
        sealed_token: &[7; 392],
        psk: &[8; 32],
        server_key: &[9; 32],
    };
    for message in [inventory, asked, transfer] {
        let length = message.encode(&mut buffer).unwrap();
        link.server.send(conn, message.lane(), &buffer[..length]).unwrap();
    }
}

/// A capture file: each datagram behind headers of Ethernet, IPv4 and UDP (whose checksums nobody looks at).
fn pcap(datagrams: &[(u64, bool, Vec<u8>)]) -> Vec<u8> {
    let mut file = Vec::new();
    let words = |file: &mut Vec<u8>, words: &[u32]| words.iter().for_each(|word| file.extend(word.to_le_bytes()));
    // Magic number in our order, version 2.4, UTC, no accuracy, longest packet, Ethernet.
    words(&mut file, &[0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1]);
    for (at_us, to_server, datagram) in datagrams {
        let (from, to) = if *to_server { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
        let length = |more: usize| u16::try_from(datagram.len() + more).unwrap().to_be_bytes();
        let whole = u32::try_from(datagram.len() + 14 + 20 + 8).unwrap();
        words(&mut file, &[u32::try_from(at_us / 1_000_000).unwrap(), u32::try_from(at_us % 1_000_000).unwrap()]);
        words(&mut file, &[whole, whole]);
        file.extend([0; 12]);
        file.extend([8, 0, 0x45, 0]);
        file.extend(length(28));
        file.extend([0, 0, 0, 0, 64, 17, 0, 0]);
        file.extend(from.0.octets());
        file.extend(to.0.octets());
        file.extend(from.1.to_be_bytes());
        file.extend(to.1.to_be_bytes());
        file.extend(length(8));
        file.extend([0, 0]);
        file.extend(datagram);
    }
    file
}

fn captured(link: &Link) -> Vec<(u64, bool, Vec<u8>)> {
    let capture = link.capture.iter().flatten();
    capture.map(|(at, to_server, datagram)| (at.as_micros(), *to_server, datagram.clone())).collect()
}

/// A folder with a capture, and its key log if there are keys.
fn folder(name: &str, datagrams: &[(u64, bool, Vec<u8>)], keys: &[String]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("session.pcap"), pcap(datagrams)).unwrap();
    let mut log = String::new();
    keys.iter().for_each(|line| writeln!(log, "{line}").unwrap());
    fs::write(folder.join("keys"), log).unwrap();
    folder
}

/// What tshark prints; fails if it says anything of Lua.
fn tshark(folder: &Path, arguments: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("dissector/mu_wire.lua");
    let mut command = Command::new("tshark");
    command.arg("-X").arg(format!("lua_script:{}", script.display()));
    command.arg("-o").arg(format!("mu_wire.keylog:{}", folder.join("keys").display()));
    command.arg("-r").arg(folder.join("session.pcap")).args(arguments);
    let output = command.output().expect("tshark runs: scripts/prepare test installs it");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    assert!(!errors.contains("Lua") && !errors.contains("lua"), "{errors}");
    let wrong: Vec<_> = said.lines().filter(|line| line.contains("Lua Error") || line.contains("_ws.lua")).collect();
    assert_eq!(wrong, Vec::<&str>::new());
    said
}

/// One line for each packet: the values of these fields, separated by `|`.
fn columns(folder: &Path, fields: &[&str]) -> Vec<String> {
    let names: Vec<String> = fields.iter().map(|field| format!("mu_wire.{field}")).collect();
    let mut arguments = vec!["-Y", "mu_wire", "-T", "fields", "-E", "separator=|"];
    names.iter().for_each(|name| arguments.extend(["-e", name]));
    tshark(folder, &arguments).lines().map(str::to_owned).collect()
}

/// Fields and the values they have together in some packet.
const SHOWN: [(&[&str], &str); 10] = [
    (&["client.chat.channel", "client.chat.text"], "2|Grüß Gott"),
    (
        &["client.trade_offer.revision", "client.trade_offer.zen", "client.trade_offer.items.each"],
        "7|1099511627776|77,78",
    ),
    (&["input"], "Walk from (10.50, 20.50): E NW,Step (-1, 1)"),
    (&["server.inventory.items.each.uid", "server.inventory.items.each.template"], "1152921504606846976|4660"),
    (&["server.inventory.items.each.slot", "server.inventory.items.each.level"], "5|9"),
    (&["server.trade_requested.from", "server.trade_requested.name"], "0x00010005|Verdandi"),
    (&["server.transfer.address"], "[fe80::1]:4500"),
    (&["snap.tick", "snap.body"], "7|736e6170"),
    (&["close.code"], "257"),
    (&["key_update", "key_phase"], "3|1"),
];

#[test]
fn messages_are_shown_with_their_fields() {
    let link = session();
    assert!(link.player.keys.len() > 4, "keys were renewed: {:?}", link.player.keys);
    let datagrams = captured(&link);
    let folder = folder("shown", &datagrams, &link.player.keys);
    let names: Vec<&str> = ["kind", "number", "malformed", "message", "lane"]
        .iter()
        .chain(SHOWN.iter().flat_map(|(names, _)| *names))
        .copied()
        .collect();
    let lines = columns(&folder, &names);
    let packets: Vec<Vec<&str>> = lines.iter().map(|line| line.split('|').collect()).collect();
    assert_eq!(packets.len(), datagrams.len());
    assert_eq!((packets[0][0], packets[1][0]), ("INIT", "ACCEPT"));
    for packet in &packets[2..] {
        assert!(packet[0] == "data" && !packet[1].is_empty(), "not opened: {packet:?}");
        assert_eq!(packet[2], "", "malformed: {packet:?}");
    }
    let value = |packet: &Vec<&str>| packet[3].contains("TradeCancel") && packet[4].contains("Value");
    assert!(packets.iter().any(value), "{packets:#?}");
    let mut from = 5;
    for (names, wanted) in SHOWN {
        let column = from..from + names.len();
        from = column.end;
        let found = packets.iter().any(|packet| packet[column.clone()].join("|") == wanted);
        assert!(found, "no {wanted:?} for {names:?} in {packets:#?}");
    }
}

#[test]
fn without_keys_only_headers_are_shown() {
    let link = session();
    let folder = folder("closed", &captured(&link), &[]);
    let lines = columns(&folder, &["kind", "message", "closed", "connection_id"]);
    assert_eq!(lines[..2], ["INIT|||", "ACCEPT|||"]);
    let id = link.player.keys[0].split(' ').nth(1).unwrap();
    for (line, (_, to_server, _)) in lines.iter().zip(captured(&link)).skip(2) {
        let wanted = if to_server { format!("data||1|0x{id}") } else { "data||1|".to_owned() };
        assert_eq!(*line, wanted);
    }
}

#[test]
fn a_capture_that_begins_in_the_middle_is_opened_too() {
    let link = session();
    let datagrams = captured(&link).split_off(20);
    let folder = folder("middle", &datagrams, &link.player.keys);
    let lines = columns(&folder, &["number"]);
    assert_eq!(lines.len(), datagrams.len());
    assert!(lines.iter().all(|line| !line.is_empty()), "{lines:?}");
}

#[test]
fn nothing_in_a_packet_is_an_error_of_the_script() {
    let link = session();
    let mut dice = Dice(8);
    let mut datagrams = captured(&link);
    // Bodies that only a faulty peer seals: bits bent, ends cut and lengthened behind the cipher.
    for Opened { to_server, datagram, body, key } in opened(&link) {
        for _ in 0..6 {
            let mut bent = body.clone();
            for _ in 0..=dice.below(3) {
                let bit = usize::try_from(dice.below(bent.len() as u64 * 8)).unwrap();
                bent[bit / 8] ^= 1 << (bit % 8);
            }
            match dice.below(4) {
                0 => bent.truncate(usize::try_from(1 + dice.below(bent.len() as u64)).unwrap()),
                1 => bent.extend((0..dice.below(20)).map(|_| u8::try_from(dice.below(256)).unwrap())),
                _ => {}
            }
            datagrams.push((2_000_000, to_server, seal(&key, &datagram, to_server, &bent)));
        }
    }
    // And anything at all in the clear.
    for (_, to_server, mut datagram) in captured(&link) {
        datagram.truncate(usize::try_from(dice.below(datagram.len() as u64 + 1)).unwrap());
        for _ in 0..dice.below(4).min(datagram.len() as u64) {
            let at = usize::try_from(dice.below(datagram.len() as u64)).unwrap();
            datagram[at] = u8::try_from(dice.below(256)).unwrap();
        }
        datagrams.push((3_000_000, to_server, datagram));
    }
    let folder = folder("bent", &datagrams, &link.player.keys);
    let shown = tshark(&folder, &["-V"]);
    let bent = shown.matches("Not in its one form").count();
    assert!(bent > 100, "{bent} of {} packets were found malformed", datagrams.len());
}
