//! Every message with its least, greatest and some values, each enumerator, and what is refused; inputs.

use crate::bits::{BitReader, BitWriter};
use crate::generated::json::Json;
use crate::generated::values::{Fill, bytes, hex, read, unhex};
use crate::messages::{ClientMessage, Input, ServerMessage, Walk};
use crate::motion::{Direction, Position, Steps};

/// Per direction: rows `{name, fields, hex}` and malformed rows `{why, hex}`.
pub(super) fn vectors(schema: &Json) -> Json {
    Json::object([
        (
            "client",
            direction(schema, "client", |bytes| {
                let mut again = [0; ClientMessage::MAX_BYTES];
                ClientMessage::decode(bytes).is_ok_and(|message| {
                    let len = message.encode(&mut again).unwrap();
                    again[..len] == *bytes
                })
            }),
        ),
        (
            "server",
            direction(schema, "server", |bytes| {
                let mut again = [0; ServerMessage::MAX_BYTES];
                ServerMessage::decode(bytes).is_ok_and(|message| {
                    let len = message.encode(&mut again).unwrap();
                    again[..len] == *bytes
                })
            }),
        ),
    ])
}

fn direction(schema: &Json, end: &str, accepts: impl Fn(&[u8]) -> bool) -> Json {
    let values = schema.at("values");
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for row in schema.at(end).elements() {
        let (fields, name) = (row.at("fields"), row.at("name").text());
        let number = u8::try_from(row.at("number").number()).unwrap();
        let whole = |fill| [vec![number], bytes(fields, fill, values)].concat();
        let mut seen = Vec::new();
        for fill in fills(fields, values) {
            let bytes = whole(fill);
            if seen.contains(&bytes) {
                continue;
            }
            assert!(accepts(&bytes), "{name} as the schema has it: {}", hex(&bytes));
            let fields = read(fields, &bytes[1..], values);
            good.push(Json::object([("name", name.into()), ("fields", fields), ("hex", hex(&bytes).into())]));
            seen.push(bytes);
        }
        let some = whole(Fill::Some(0));
        let mut refuse = |why: &str, bytes: &[u8]| {
            assert!(!accepts(bytes), "{name}, {why}: {}", hex(bytes));
            bad.push(Json::object([("why", format!("{name}: {why}").into()), ("hex", hex(bytes).into())]));
        };
        refuse("a byte behind the end", &[&*some, &[0]].concat());
        if some.len() > 1 {
            refuse("the last byte is missing", &some[..some.len() - 1]);
        }
        faults(fields, values, number, &mut refuse);
    }
    for (why, bytes) in [("nothing", &[][..]), ("an unknown number", &[0]), ("an unknown number", &[200])] {
        assert!(!accepts(bytes));
        bad.push(Json::object([("why", why.into()), ("hex", hex(bytes).into())]));
    }
    Json::object([("good", good.into()), ("malformed", bad.into())])
}

/// Least, most, and as many others as show each enumerator once.
fn fills(fields: &Json, values: &Json) -> Vec<Fill> {
    let enumerators = fields.elements().iter().filter(|field| field.at("kind").text() == "values");
    let most = enumerators.map(|field| values.at(field.at("of").text()).elements().len()).max().unwrap_or(1);
    let some = (0..most).map(|number| Fill::Some(u8::try_from(number).unwrap()));
    [Fill::Least, Fill::Most].into_iter().chain(some).collect()
}

/// Each field with a value that its kind does not allow.
fn faults(fields: &Json, values: &Json, number: u8, refuse: &mut impl FnMut(&str, &[u8])) {
    for (place, field) in fields.elements().iter().enumerate() {
        let split = |range: &[Json]| bytes(&Json::List(range.to_vec()), Fill::Some(0), values);
        let (before, after) = (split(&fields.elements()[..place]), split(&fields.elements()[place + 1..]));
        let name = field.at("name").text();
        let mut with = |why: &str, own: &[u8]| {
            refuse(&format!("{name} {why}"), &[&[number], &*before, own, &*after].concat());
        };
        match field.at("kind").text() {
            "bool" => with("is neither 0 nor 1", &[2]),
            "values" => with("is not in the enumeration", &[250]),
            "text" => {
                let max = u8::try_from(field.at("max").number()).unwrap();
                with("is too long", &[vec![max + 1], vec![b'x'; usize::from(max) + 1]].concat());
                with("is not UTF-8", &[2, 0xc3, 0x28]);
            }
            "list" => {
                let max = u8::try_from(field.at("max").number()).unwrap();
                let mut own = vec![max + 1];
                for _ in 0..=max {
                    own.extend(bytes(&Json::List(vec![field.at("of").clone()]), Fill::Least, values));
                }
                with("is too long", &own);
            }
            "address" => with("is of no known version", &[5, 0, 0, 0, 0, 0, 0]),
            _ => {}
        }
    }
}

/// Inputs: rows `{name, fields, hex}` and malformed rows `{why, hex}`.
pub(super) fn inputs() -> Json {
    use Direction::{East, North, NorthWest, South};
    let walk =
        |x, y, steps: &[Direction]| Input::Walk(Walk { from: Position::new(x, y), steps: Steps::new(steps).unwrap() });
    let all = [
        walk(2_688, 5_248, &[East, South, NorthWest]),
        walk(0, 0, &[South]),
        walk(u16::MAX, u16::MAX, &[North; 16]),
        Input::Turn { heading: 0 },
        Input::Turn { heading: 255 },
        Input::Stop,
        Input::Step { dx: 1, dy: -1 },
        Input::Step { dx: -1, dy: 0 },
    ];
    let good = all.iter().map(|input| {
        let mut buffer = [0; 16];
        let len = input.encode(&mut buffer).unwrap();
        assert_eq!(Input::decode(&buffer[..len]), Ok(*input));
        let (name, fields) = input_fields(input);
        Json::object([("name", name.into()), ("fields", fields), ("hex", hex(&buffer[..len]).into())])
    });
    let bad = [
        ("nothing", ""),
        ("a walk that ends early", "002a005288"),
        ("a byte behind a stop", "0200"),
        ("a bit behind a stop", "06"),
        ("a bit behind a turn", "0104"),
        ("more than sixteen bytes", "0000000000000000000000000000000000"),
    ];
    let bad = bad.map(|(why, bytes)| {
        assert!(Input::decode(&unhex(bytes)).is_err(), "{why}");
        Json::object([("why", why.into()), ("hex", bytes.into())])
    });
    Json::object([("good", Json::List(good.collect())), ("malformed", bad.to_vec().into())])
}

fn input_fields(input: &Input) -> (&'static str, Json) {
    match *input {
        Input::Walk(Walk { from, steps }) => {
            let steps = steps.iter().map(|step| (step as u8).into());
            let fields =
                Json::object([("x", from.x.into()), ("y", from.y.into()), ("steps", Json::List(steps.collect()))]);
            ("Walk", fields)
        }
        Input::Turn { heading } => ("Turn", Json::object([("heading", heading.into())])),
        Input::Stop => ("Stop", Json::object([])),
        Input::Step { dx, dy } => ("Step", Json::object([("dx", dx.into()), ("dy", dy.into())])),
    }
}

#[test]
fn the_order_of_bits_is_that_of_chapter_11() {
    let mut buffer = [0; 2];
    let mut writer = BitWriter::new(&mut buffer);
    writer.write(1, 2).unwrap();
    writer.write(0x81, 8).unwrap();
    assert_eq!(writer.finish(), 2);
    assert_eq!(buffer, [0b0000_0101, 0b10]);
    assert_eq!(BitReader::new(&buffer).read(2), Ok(1));
}
