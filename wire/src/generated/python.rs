//! The tables of the Python client: the schema as literals of a module.

use super::json::Json;
use super::schema;

/// The text of `mu_client/tables.py`.
pub(super) fn tables() -> String {
    let mut text = String::from(
        "\"\"\"Messages, enumerations, lanes and frames: made from wire/src/messages/table.rs and wire/src/generated; do not edit.\n\n\
         Knows no bytes: `messages.py` and `frames.py` read and write by these tables.\n\"\"\"\n",
    );
    let Json::Object(members) = schema::schema() else { unreachable!("a schema is an object") };
    for (name, value) in members.iter().filter(|(name, _)| name != "made_from") {
        // Hexadecimal texts are numbers to a program.
        let value = match (name.as_str(), value) {
            ("protocol_id" | "lane_map", Json::Text(hex)) => format!("0x{hex}"),
            (_, value) => value.to_python(),
        };
        text.push_str(&format!("\n{} = {value}\n", name.to_uppercase()));
    }
    text
}
