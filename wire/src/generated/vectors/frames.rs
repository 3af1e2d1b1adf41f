//! An example of each frame and of each way to get one wrong. The parser takes the good ones; the malformed ones end a
//! connection.

use super::terms;
use crate::codec::{Reader, Writer};
use crate::connection::{Connection, Events, Role};
use crate::crypto::{Direction, DirectionKeys, OpeningKey, Random, SealingKey};
use crate::generated::json::Json;
use crate::generated::values::{hex, read, unhex};
use crate::lanes::{InputIn, InputOut, Lane};
use crate::packet::{Header, RangeList, next_frame};
use crate::time::Time;

struct Deaf;

impl Events for Deaf {
    fn message(&mut self, _: Lane, _: &[u8]) {}
}

/// Who sends it, and its bytes: a text in hexadecimal, with runs of one byte as `xx*n`.
const GOOD: [(&str, &str); 33] = [
    ("client", "00"),
    ("server", "00 00*20"),
    ("client", "02"),
    ("server", "03 0102030405060708"),
    ("client", "04 0102030405060708"),
    ("client", "07 0500 00"),
    ("server", "07 0200 40 61*64"),
    ("server", "07 0001 05 68c3a46c6c"),
    ("server", "08 c05d0000 8f02 0500"),
    ("client", "08 ffffffff ffff ffff"),
    ("client", "09 00 0807060504030201"),
    ("server", "09 01 0807060504030201 1817161514131211 10270000 2a000000"),
    ("client", "10 00000000 01 00"),
    ("client", "10 00000000 03 02a1a2 01b1 20 c1*32"),
    ("client", "10 00000000 10 0180 0181 0182 0183 0184 0185 0186 0187 0188 0189 018a 018b 018c 018d 018e 018f"),
    ("server", "11 0d0c0b0a 736e6170"),
    ("client", "20 0000 00"),
    ("server", "20 0000 05 68656c6c6f"),
    ("server", "20 0000 cc08 61*1100"),
    ("client", "21 0000 01 61"),
    ("server", "22 0000 01 61"),
    ("server", "23 ff00 01 61"),
    ("server", "34 02 6162"),
    ("server", "34 00"),
    ("server", "35 feff 02 6162"),
    ("client", "40 00 0000 00 02 8008 61*1024"),
    ("server", "40 02 0300 03 04 01 61"),
    ("server", "40 05 0000 00 02 8008 61*1024"),
    ("server", "50 0100 0200 00040000 78563412"),
    ("client", "51 0100 0300 8008 61*1024"),
    ("client", "52 0100 4000"),
    ("client", "53 0100 00"),
    ("server", "53 0100 02"),
];

/// Why, who sends it, and its bytes.
const BAD: [(&str, &str, &str); 39] = [
    ("an unknown frame", "client", "06"),
    ("an unknown frame", "server", "0a"),
    ("an unknown frame", "server", "ff"),
    ("a kept id", "client", "05"),
    ("padding that is not zero", "client", "00 0001"),
    ("a challenge of seven bytes", "server", "03 01020304050607"),
    ("a text of 65 bytes", "client", "07 0000 41 61*65"),
    ("a text that is not UTF-8", "client", "07 0000 02 c328"),
    ("a text that ends early", "client", "07 0000 05 6161"),
    ("a budget that ends early", "server", "08 c05d0000 8f02 05"),
    ("a time of no kind", "client", "09 02 0000000000000000"),
    ("a time request from the server", "server", "09 00 0807060504030201"),
    ("a time answer from the client", "client", "09 01 0807060504030201 1817161514131211 10270000 2a000000"),
    ("no input", "client", "10 00000000 00"),
    ("17 inputs", "client", "10 00000000 11 00*17"),
    ("an input of 33 bytes", "client", "10 00000000 01 21 61*33"),
    ("inputs that end early", "client", "10 00000000 02 0161"),
    ("inputs numbered past 2^32", "client", "10 ffffffff 02 00 00"),
    ("inputs that leave one out", "client", "10 01000000 01 00"),
    ("an input from the server", "server", "10 00000000 01 00"),
    ("a snapshot without a body", "server", "11 0d0c0b0a"),
    ("a snapshot from the client", "client", "11 0d0c0b0a 01"),
    ("a message of 1,101 bytes", "client", "20 0000 cd08 61*1101"),
    ("a message that ends early", "client", "20 0000 05 6161"),
    ("a length that could be shorter", "client", "20 0000 8100 61"),
    ("a message 256 ahead", "client", "20 0001 01 61"),
    ("a reliable frame of an unreliable lane", "server", "24 0000 01 61"),
    ("a reliable frame of the lane for blocks", "server", "27 0000 01 61"),
    ("a frame of a lane that is closed", "server", "26 0000 01 61"),
    ("a frame of a lane that is not there", "server", "28 0000 01 61"),
    ("an unreliable frame of a reliable lane", "server", "30 01 61"),
    ("a fragment of the lane for blocks", "server", "40 07 0000 00 02 8008 61*1024"),
    ("a fragment of one", "client", "40 00 0000 00 01 01 61"),
    ("17 fragments", "client", "40 00 0000 00 11 8008 61*1024"),
    ("a fragment behind the last", "client", "40 00 0000 02 02 01 61"),
    ("an empty fragment", "client", "40 00 0000 01 02 00"),
    ("a first fragment that is not full", "client", "40 00 0000 00 02 ff07 61*1023"),
    ("a block of nothing", "server", "50 0100 0200 00000000 78563412"),
    ("a slice of 1,025 bytes", "client", "51 0100 0300 8108 61*1025"),
];

/// Rows `{from, name, fields, hex}` and malformed rows `{why, from, hex}`; each as the only frame of the first packet.
pub(super) fn vectors(schema: &Json) -> Json {
    let good = GOOD.map(|(from, text)| {
        let bytes = expand(text);
        let (row, body) = row(schema, &bytes, from);
        let fields = read(row.at("fields"), body, schema.at("values"));
        let mut reader = Reader::new(&bytes);
        let parsed = next_frame(&mut reader, None, &mut RangeList::new());
        assert!(matches!(parsed, Ok(Some(_))) && reader.is_empty(), "{text} is {parsed:?}");
        let name = row.at("name").clone();
        let row =
            Json::object([("from", from.into()), ("name", name), ("fields", fields), ("hex", hex(&bytes).into())]);
        if (0x20..0x40).contains(&bytes[0]) { row.with("lane", bytes[0] & 0x0f) } else { row }
    });
    let bad = BAD.map(|(why, from, text)| {
        let bytes = expand(text);
        assert!(is_violation(from, &bytes), "{why} is taken in");
        Json::object([("why", why.into()), ("from", from.into()), ("hex", hex(&bytes).into())])
    });
    Json::object([("good", good.to_vec().into()), ("malformed", bad.to_vec().into())])
}

/// The bytes of a text with runs.
fn expand(text: &str) -> Vec<u8> {
    let run = |word: &str| match word.split_once('*') {
        Some((byte, count)) => unhex(byte).repeat(count.parse().unwrap()),
        None => unhex(word),
    };
    text.split_whitespace().flat_map(run).collect()
}

/// The schema's row of a frame and the bytes of its fields.
pub(super) fn row<'a>(schema: &'a Json, bytes: &'a [u8], from: &str) -> (&'a Json, &'a [u8]) {
    let lane = u64::from(bytes[0] & 0x0f);
    let mode = schema.at("lanes").elements().iter().find(|row| row.at("number").number() == lane);
    let fits = |row: &&Json| {
        let id = u8::try_from(row.at("id").number()).unwrap();
        let side = row.at("from").text();
        let directed = side == "both" || side == from;
        match row.member("lane_modes") {
            Some(modes) => bytes[0] & 0xf0 == id && modes.elements().contains(mode.unwrap().at("mode")),
            None => bytes[0] == id && directed,
        }
    };
    let row = schema.at("frames").elements().iter().find(fits).expect("a row");
    let skip = if row.member("tag").is_some() { 2 } else { 1 };
    (row, &bytes[skip..])
}

/// Gives a frame to a fresh connection as the only one of its first packet; whether it closes for that.
fn is_violation(from: &str, frame: &[u8]) -> bool {
    let now = Time::from_micros(1_000_000);
    let keys = |direction| DirectionKeys::new([9; 32], direction, 1);
    let (up, down) = (keys(Direction::ToServer), keys(Direction::ToClient));
    let (to_server, to_client) = (Header::to_server(7), Header::to_client(&[]));
    let (keys, headers, role) = if from == "client" {
        let keys = (SealingKey::new(&down), OpeningKey::new(&up));
        (keys, (to_client, to_server), Role::Server(InputIn::default()))
    } else {
        let keys = (SealingKey::new(&up), OpeningKey::new(&down));
        (keys, (to_server, to_client), Role::Client(InputOut::new()))
    };
    let mut end = Connection::new(now, keys, headers, role, terms(), &mut Random::from_seed([1; 32]));
    let body = [&[0], frame].concat();
    let mut packet = vec![0; headers.1.len() + body.len() + 16];
    headers.1.write(false, 0, &mut Writer::new(&mut packet)).unwrap();
    let (head, rest) = packet.split_at_mut(headers.1.len());
    rest[..body.len()].copy_from_slice(&body);
    let mut sealing = SealingKey::new(if from == "client" { &up } else { &down });
    let tag = sealing.seal(0, head, &mut rest[..body.len()]);
    rest[body.len()..].copy_from_slice(&tag);
    let opened = end.open(now, &mut packet).expect("the packet is authentic");
    end.process(now, &opened, &mut Deaf).is_err()
}

#[test]
fn each_row_of_the_frames_has_an_example() {
    let schema = crate::generated::schema::schema();
    let shown: Vec<_> =
        GOOD.iter().map(|(from, text)| row(&schema, &expand(text), from).0.at("name").text().to_owned()).collect();
    for row in schema.at("frames").elements() {
        let name = row.at("name").text();
        // Ranges need an acknowledgement before them: they are among the preludes.
        assert!(name == "ACK_RANGES" || shown.iter().any(|shown| shown == name), "no example of {name}");
    }
}
