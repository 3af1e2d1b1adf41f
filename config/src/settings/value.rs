//! The value of one key on its way from text to a field: what kinds there are, what each allows, and how it is written again.
//!
//! A `Value` that comes out of `Kind::accept` is inside its bounds, so that the rows of the key table can put it into a field
//! without a second check.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

/// A checked value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// A whole number.
    Integer(i64),
    /// A text, also for addresses, paths and words.
    Text(String),
    /// A list of CPU numbers.
    Cpus(Vec<u16>),
}

/// What a key accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A whole number within these bounds, both included.
    Integer(i64, i64),
    /// Any text, not empty.
    Text,
    /// Any text; empty = not set.
    OptionalText,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Some of these words, separated by commas; empty = none.
    Words(&'static [&'static str]),
    /// A file or folder; relative ones start at the configuration file's folder.
    Path,
    /// A file or folder, or this word.
    PathOr(&'static str),
    /// An IP address.
    Address,
    /// An IP address or `"auto"`.
    AddressOrAuto,
    /// An IP address and a port.
    AddressAndPort,
    /// `sqlite:PATH` or `postgres://…`.
    StoreUrl,
    /// `"auto"` or a list of CPU numbers.
    Cpus,
}

/// A raw value of a layer, before the key's kind is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Raw {
    /// A whole number.
    Integer(i64),
    /// A string.
    Text(String),
    /// A list of whole numbers.
    Integers(Vec<i64>),
    /// Anything else; the text names its type.
    Other(&'static str),
}

/// Largest CPU number accepted; the kernel's own limit on x86-64.
const CPU_MAX: i64 = 8191;
/// Most entries of a CPU list; a shard's number has to fit in a byte.
const CPUS_MAX: usize = 255;

impl Kind {
    /// The words after "allowed:" in a message and in the key table.
    pub(crate) fn allowed(self) -> String {
        match self {
            Self::Integer(least, most) if least == most => format!("{least}"),
            Self::Integer(least, most) => format!("{least} to {most}"),
            Self::Text => "text, not empty".to_owned(),
            Self::OptionalText => "text; empty = not set".to_owned(),
            Self::Word(words) => words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", "),
            Self::Words(words) => format!("words separated by commas, of: {}; empty = none", words.join(", ")),
            Self::Path => "a path".to_owned(),
            Self::PathOr(word) => format!("a path or \"{word}\""),
            Self::Address => "an IP address".to_owned(),
            Self::AddressOrAuto => "an IP address or \"auto\"".to_owned(),
            Self::AddressAndPort => "an IP address and port, like \"127.0.0.1:7080\"".to_owned(),
            Self::StoreUrl => "\"sqlite:PATH\" or \"postgres://USER@HOST/DATABASE\"".to_owned(),
            Self::Cpus => "\"auto\" or a list of CPU numbers, like [2, 3]".to_owned(),
        }
    }

    /// Checks a raw value. `Err` says what is wrong with it, without what is allowed.
    pub(crate) fn accept(self, raw: &Raw) -> Result<Value, String> {
        match (self, raw) {
            (Self::Integer(least, most), Raw::Integer(number)) => {
                if (least..=most).contains(number) {
                    Ok(Value::Integer(*number))
                } else {
                    Err(format!("{number} is out of bounds"))
                }
            }
            (Self::Cpus, Raw::Text(text)) if text == "auto" => Ok(Value::Text("auto".to_owned())),
            (Self::Cpus, Raw::Integers(list)) => cpu_list(list),
            (Self::Integer(..), _) => Err(format!("a whole number is wanted here, not {}", raw.kind())),
            (Self::Cpus, _) => Err(format!("{} is not a set of CPUs", raw.kind())),
            (_, Raw::Text(text)) => self.accept_text(text),
            (_, other) => Err(format!("a string is wanted here, not {}", other.kind())),
        }
    }

    /// The raw value that an environment variable or a flag holds for a key of this kind.
    pub(crate) fn raw_of_text(self, text: &str) -> Raw {
        match self {
            Self::Integer(..) => {
                text.trim().replace('_', "").parse().map_or_else(|_| Raw::Text(text.to_owned()), Raw::Integer)
            }
            Self::Cpus if text.trim() != "auto" => {
                let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
                let list: Result<Vec<i64>, _> =
                    inner.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::parse).collect();
                list.map_or_else(|_| Raw::Text(text.to_owned()), Raw::Integers)
            }
            _ => Raw::Text(text.to_owned()),
        }
    }

    fn accept_text(self, text: &str) -> Result<Value, String> {
        let fine = match self {
            Self::OptionalText => true,
            Self::Word(words) => words.contains(&text),
            Self::Words(words) => words_of(text).all(|word| words.contains(&word)),
            Self::Address => text.parse::<IpAddr>().is_ok(),
            Self::AddressOrAuto => text == "auto" || text.parse::<IpAddr>().is_ok(),
            Self::AddressAndPort => text.parse::<SocketAddr>().is_ok(),
            Self::StoreUrl => {
                let rest =
                    ["sqlite:", "postgres://", "postgresql://"].iter().find_map(|scheme| text.strip_prefix(scheme));
                rest.is_some_and(|rest| !rest.is_empty())
            }
            _ => !text.trim().is_empty(),
        };
        if fine { Ok(Value::Text(text.to_owned())) } else { Err(format!("{text:?} is not accepted here")) }
    }
}

impl Raw {
    fn kind(&self) -> &'static str {
        match self {
            Self::Integer(_) => "a number",
            Self::Text(_) => "a string",
            Self::Integers(_) => "a list",
            Self::Other(kind) => kind,
        }
    }
}

impl Value {
    /// The value as it is written in the configuration file.
    pub(crate) fn to_toml(&self) -> String {
        match self {
            Self::Integer(number) => number.to_string(),
            Self::Text(text) => {
                let mut quoted = String::from("\"");
                for letter in text.chars() {
                    match letter {
                        '"' | '\\' => {
                            quoted.push('\\');
                            quoted.push(letter);
                        }
                        control if control.is_control() => {
                            let _infallible = write!(quoted, "\\u{:04X}", u32::from(control));
                        }
                        plain => quoted.push(plain),
                    }
                }
                quoted.push('"');
                quoted
            }
            Self::Cpus(list) => format!("{list:?}"),
        }
    }

    /// A number that the bounds of its key keep inside `T`.
    pub(crate) fn number<T: TryFrom<i64>>(&self) -> T {
        let Self::Integer(number) = self else { panic!("a key of integers was handed {self:?}") };
        T::try_from(*number).ok().expect("the bounds of a key fit the type of its field")
    }

    /// The words of a key of words.
    pub(crate) fn words(&self) -> Vec<String> {
        words_of(self.text()).map(str::to_owned).collect()
    }

    /// The text of a key of texts.
    pub(crate) fn text(&self) -> &str {
        let Self::Text(text) = self else { panic!("a key of texts was handed {self:?}") };
        text
    }
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty())
}

fn cpu_list(list: &[i64]) -> Result<Value, String> {
    if list.is_empty() {
        return Err("the list is empty".to_owned());
    }
    if list.len() > CPUS_MAX {
        return Err(format!("{} entries are more than {CPUS_MAX}", list.len()));
    }
    let mut cpus = Vec::with_capacity(list.len());
    for cpu in list {
        match u16::try_from(*cpu) {
            Ok(number) if *cpu <= CPU_MAX => cpus.push(number),
            _ => return Err(format!("{cpu} is not a CPU number")),
        }
    }
    Ok(Value::Cpus(cpus))
}
