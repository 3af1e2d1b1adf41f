//! A value that is written as JSON or as Python, with what fits into a line on one line, so that a change shows as few lines.

use std::fmt::Write as _;

/// What fits into this many characters stays on its line.
const WIDTH: usize = 140;

/// A value; objects keep the order of their members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// Below 2^53, so that every reader of JSON keeps it exactly; larger numbers are texts.
    Number(i64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// How a language writes what differs.
#[derive(Clone, Copy)]
struct Words {
    nothing: &'static str,
    yes: &'static str,
    no: &'static str,
    /// Between the last element and the closing bracket of a broken list.
    last: &'static str,
}

const JSON: Words = Words { nothing: "null", yes: "true", no: "false", last: "" };
const PYTHON: Words = Words { nothing: "None", yes: "True", no: "False", last: "," };

impl Json {
    /// An object.
    pub(super) fn object<const N: usize>(members: [(&str, Self); N]) -> Self {
        Self::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A member put behind the others of an object.
    pub(super) fn with(mut self, name: &str, value: impl Into<Self>) -> Self {
        if let Self::Object(members) = &mut self {
            members.push((name.to_owned(), value.into()));
        }
        self
    }

    /// The member of this name, if there is one; the value must be an object.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { panic!("no object: {self:?}") };
        members.iter().find(|(member, _)| member == name).map(|(_, value)| value)
    }

    /// The member of this name; the value must be an object that has it.
    pub(super) fn at(&self, name: &str) -> &Self {
        self.member(name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// The elements of a list.
    pub(super) fn elements(&self) -> &[Self] {
        let Self::List(values) = self else { panic!("no list: {self:?}") };
        values
    }

    /// The characters of a text.
    pub(super) fn text(&self) -> &str {
        let Self::Text(text) = self else { panic!("no text: {self:?}") };
        text
    }

    /// A number as it is.
    pub(super) fn number(&self) -> u64 {
        let Self::Number(number) = self else { panic!("no number: {self:?}") };
        u64::try_from(*number).expect("not below zero")
    }

    /// The value as a JSON file.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, 0, JSON);
        text.push('\n');
        text
    }

    /// The value as JSON without a break.
    pub(super) fn to_line(&self) -> String {
        self.on_one_line(JSON)
    }

    /// The value as a Python literal.
    pub(super) fn to_python(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, 0, PYTHON);
        text
    }

    fn write(&self, into: &mut String, depth: usize, words: Words) {
        let line = self.on_one_line(words);
        let parts: Vec<(String, &Self)> = match self {
            Self::List(values) => values.iter().map(|value| (String::new(), value)).collect(),
            Self::Object(members) => {
                members.iter().map(|(name, value)| (format!("{}: ", quoted(name)), value)).collect()
            }
            _ => Vec::new(),
        };
        if parts.is_empty() || depth * 2 + line.len() <= WIDTH {
            into.push_str(&line);
            return;
        }
        let (open, close) = if matches!(self, Self::List(_)) { ('[', ']') } else { ('{', '}') };
        into.push(open);
        for (number, (name, value)) in parts.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            let _ = write!(into, "{comma}\n{:1$}{name}", "", depth * 2 + 2);
            value.write(into, depth + 1, words);
        }
        let _ = write!(into, "{}\n{:2$}{close}", words.last, "", depth * 2);
    }

    fn on_one_line(&self, words: Words) -> String {
        match self {
            Self::Null => words.nothing.to_owned(),
            Self::Bool(value) => if *value { words.yes } else { words.no }.to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => quoted(text),
            Self::List(values) => {
                let values: Vec<_> = values.iter().map(|value| value.on_one_line(words)).collect();
                format!("[{}]", values.join(", "))
            }
            Self::Object(members) => {
                let members: Vec<_> = members
                    .iter()
                    .map(|(name, value)| format!("{}: {}", quoted(name), value.on_one_line(words)))
                    .collect();
                format!("{{{}}}", members.join(", "))
            }
        }
    }
}

/// Text in double quotes, escaped as both JSON and Python read it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(character);
            }
            character if (character as u32) < 0x20 => {
                let _ = write!(quoted, "\\u{:04x}", character as u32);
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<usize> for Json {
    fn from(number: usize) -> Self {
        Self::from(number as u64)
    }
}

impl From<u64> for Json {
    /// A number, or its digits if it is too large for some readers.
    fn from(number: u64) -> Self {
        let exact = i64::try_from(number).ok().filter(|number| *number < 1 << 53);
        exact.map_or_else(|| Self::Text(number.to_string()), Self::Number)
    }
}

impl From<i8> for Json {
    fn from(number: i8) -> Self {
        Self::Number(number.into())
    }
}

impl From<u32> for Json {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u16> for Json {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl From<u8> for Json {
    fn from(number: u8) -> Self {
        Self::Number(number.into())
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<Json>> for Json {
    fn from(values: Vec<Json>) -> Self {
        Self::List(values)
    }
}

#[test]
fn what_fits_stays_on_its_line_and_the_rest_is_broken_up() {
    let short = Json::object([("a", true.into()), ("b", "x\"\\\u{1}ü".into())]);
    assert_eq!(short.to_text(), "{\"a\": true, \"b\": \"x\\\"\\\\\\u0001ü\"}\n");
    assert_eq!(short.to_python(), "{\"a\": True, \"b\": \"x\\\"\\\\\\u0001ü\"}");
    let long = "z".repeat(WIDTH);
    assert_eq!(Json::from(vec![long.as_str().into(), 7_u8.into()]).to_text(), format!("[\n  \"{long}\",\n  7\n]\n"));
    assert_eq!(Json::from(1_u64 << 53), Json::from("9007199254740992"));
}
