//! A TOML text with positions, and a table reader that checks types and bounds and notices what nobody asked for.
//!
//! Knows no key by name. A reader asks a `Table` for each key it knows and then calls `finish`, which reports every other key beside
//! the nearest known one.

use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostics::{Diagnostics, Source};
use crate::settings::nearest;

/// Parses a text, reports every syntax error, and gives what could be read.
pub(crate) fn parse<'a>(source: &Source, text: &'a str, found: &mut Diagnostics) -> Spanned<DeTable<'a>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        found.error(source, &span, error.message().trim_end().replace('\n', ", "), String::new());
    }
    table
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    /// The value.
    pub(crate) value: T,
    /// Its bytes in the file.
    pub(crate) span: Range<usize>,
}

/// One table while it is read.
pub(crate) struct Table<'a> {
    source: &'a Source,
    entries: &'a DeTable<'a>,
    span: Range<usize>,
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    /// A table whose span stands for it where a key is missing.
    pub(crate) fn new(source: &'a Source, table: &'a Spanned<DeTable<'a>>) -> Self {
        Self { source, entries: table.get_ref(), span: table.span(), known: Vec::new() }
    }

    /// Where the table stands.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// A whole number within bounds.
    pub(crate) fn integer<T: TryFrom<i64>>(
        &mut self,
        key: &'static str,
        bounds: RangeInclusive<i64>,
        found: &mut Diagnostics,
    ) -> Option<At<T>> {
        let value = self.wanted(key, found)?;
        let allowed = format!("{} to {}", bounds.start(), bounds.end());
        let number = integer(value.get_ref());
        match number.filter(|number| bounds.contains(number)).and_then(|number| T::try_from(number).ok()) {
            Some(fine) => Some(At { value: fine, span: value.span() }),
            None => {
                let wrong = match number {
                    Some(number) => format!("`{key}` is {number}"),
                    None => format!("`{key}` is {}, not a whole number", kind(value.get_ref())),
                };
                found.error(self.source, &value.span(), wrong, format!("allowed: {allowed}"));
                None
            }
        }
    }

    /// A text that is not empty and at most `most` bytes long.
    pub(crate) fn text(&mut self, key: &'static str, most: usize, found: &mut Diagnostics) -> Option<At<String>> {
        let value = self.wanted(key, found)?;
        let wrong = match value.get_ref().as_str() {
            Some(text) if !text.trim().is_empty() && text.len() <= most => {
                return Some(At { value: text.to_owned(), span: value.span() });
            }
            Some(text) => format!("`{key}` is {} bytes long", text.trim().len()),
            None => format!("`{key}` is {}, not a string", kind(value.get_ref())),
        };
        found.error(self.source, &value.span(), wrong, format!("allowed: a string of 1 to {most} bytes"));
        None
    }

    /// One character.
    pub(crate) fn letter(&mut self, key: &'static str, found: &mut Diagnostics) -> Option<At<char>> {
        let value = self.wanted(key, found)?;
        let mut letters = value.get_ref().as_str().unwrap_or_default().chars();
        if let (Some(letter), None) = (letters.next(), letters.next()) {
            return Some(At { value: letter, span: value.span() });
        }
        found.error(
            self.source,
            &value.span(),
            format!("`{key}` is not one letter"),
            "allowed: a letter of the drawing, like \"A\"".to_owned(),
        );
        None
    }

    /// A word out of a choice.
    pub(crate) fn word<T: Copy>(
        &mut self,
        key: &'static str,
        choice: &[(&str, T)],
        found: &mut Diagnostics,
    ) -> Option<T> {
        let value = self.wanted(key, found)?;
        let text = value.get_ref().as_str();
        if let Some((_, meaning)) = choice.iter().find(|(word, _)| Some(*word) == text) {
            return Some(*meaning);
        }
        let wrong = text.map_or_else(
            || format!("`{key}` is {}, not a string", kind(value.get_ref())),
            |text| format!("`{key}` is {text:?}"),
        );
        let words: Vec<_> = choice.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        found.error(self.source, &value.span(), wrong, format!("allowed: {}", words.join(", ")));
        None
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, key: &'static str, found: &mut Diagnostics) -> Vec<At<String>> {
        let Some(value) = self.wanted(key, found) else {
            return Vec::new();
        };
        let Some(list) = value.get_ref().as_array() else {
            found.error(
                self.source,
                &value.span(),
                format!("`{key}` is {}, not a list", kind(value.get_ref())),
                "allowed: a list of strings".to_owned(),
            );
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in list.iter() {
            match item.get_ref().as_str() {
                Some(text) => texts.push(At { value: text.to_owned(), span: item.span() }),
                None => found.error(
                    self.source,
                    &item.span(),
                    format!("{} in a list of strings", kind(item.get_ref())),
                    String::new(),
                ),
            }
        }
        texts
    }

    /// A table.
    pub(crate) fn table(&mut self, key: &'static str, found: &mut Diagnostics) -> Option<Table<'a>> {
        let value = self.wanted(key, found)?;
        let table = self.as_table(value);
        if table.is_none() {
            found.error(
                self.source,
                &value.span(),
                format!("`{key}` is {}, not a table", kind(value.get_ref())),
                String::new(),
            );
        }
        table
    }

    /// A list of tables; a missing key is an empty list.
    pub(crate) fn tables(&mut self, key: &'static str, found: &mut Diagnostics) -> Vec<Table<'a>> {
        self.known.push(key);
        let Some(value) = self.entries.get(key) else {
            return Vec::new();
        };
        let mut tables = Vec::new();
        match value.get_ref().as_array() {
            Some(list) => {
                for item in list.iter() {
                    match self.as_table(item) {
                        Some(table) => tables.push(table),
                        None => found.error(
                            self.source,
                            &item.span(),
                            format!("{} in a list of tables", kind(item.get_ref())),
                            String::new(),
                        ),
                    }
                }
            }
            None => found.error(
                self.source,
                &value.span(),
                format!("`{key}` is {}, not a list of tables", kind(value.get_ref())),
                format!("write [[{key}]]"),
            ),
        }
        tables
    }

    /// Every key with its value and place, for tables whose keys are the user's own.
    pub(crate) fn free_entries(&mut self) -> Vec<(At<&'a str>, &'a Spanned<DeValue<'a>>)> {
        self.entries.iter().map(|(key, value)| (At { value: &**key.get_ref(), span: key.span() }, value)).collect()
    }

    /// Where a key's value stands, exactly as written.
    pub(crate) fn value_span(&self, key: &str) -> Option<Range<usize>> {
        self.entries.get(key).map(Spanned::span)
    }

    /// Reports every key that was not asked for.
    pub(crate) fn finish(self, found: &mut Diagnostics) {
        for key in self.entries.keys().filter(|key| !self.known.iter().any(|known| *known == &**key.get_ref())) {
            let name = key.get_ref();
            let help = match nearest(name, self.known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", self.known.join(", ")),
            };
            found.error(self.source, &key.span(), format!("unknown key `{name}`"), help);
        }
    }

    fn as_table(&self, value: &'a Spanned<DeValue<'a>>) -> Option<Table<'a>> {
        let entries = value.get_ref().as_table()?;
        Some(Table { source: self.source, entries, span: value.span(), known: Vec::new() })
    }

    fn wanted(&mut self, key: &'static str, found: &mut Diagnostics) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.push(key);
        let value = self.entries.get(key);
        if value.is_none() {
            found.error(self.source, &self.span, format!("`{key}` is missing"), String::new());
        }
        value
    }
}

/// A whole number that fits.
pub(crate) fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok()
}

/// The kind of a value as a person says it.
pub(crate) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
