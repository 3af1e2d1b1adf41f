//! The layers of the settings, each over the one before: defaults, file, environment, flags.
//!
//! Remembers which layer had the last word on each key, so that a check of several keys can point at the right line. The environment
//! and the flags are handed in.

use std::collections::HashMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostics::{Diagnostics, Source};
use crate::document::{integer, kind};
use crate::settings::{KEYS, Key, Raw, Settings, nearest};

/// Who set what.
#[derive(Default)]
pub(crate) struct Origins {
    places: HashMap<&'static str, (Source, Range<usize>)>,
}

impl Origins {
    /// Where a key was last set; a layer called `default` if nowhere.
    pub(crate) fn of(&self, path: &str) -> (Source, Range<usize>) {
        self.places.get(path).cloned().unwrap_or_else(|| (Source::of_layer(format!("default of {path}")), 0..0))
    }
}

/// Settings under construction.
pub(crate) struct Layers {
    /// The values so far.
    pub(crate) settings: Settings,
    /// Who set them.
    pub(crate) origins: Origins,
}

impl Layers {
    /// Starts from `base`.
    pub(crate) fn over(base: Settings) -> Self {
        Self { settings: base, origins: Origins::default() }
    }

    /// Applies a configuration file.
    pub(crate) fn file(&mut self, source: &Source, document: &Spanned<DeTable<'_>>, found: &mut Diagnostics) {
        for (name, value) in document.get_ref() {
            let name_span = name.span();
            let name = &**name.get_ref();
            match value.get_ref() {
                DeValue::Table(section) if is_section(name) => {
                    for (key, value) in section {
                        let path = format!("{name}.{}", key.get_ref());
                        if !made_up(&value.span()) {
                            self.put(source, &key.span(), &value.span(), &path, found, |_| raw(value.get_ref()));
                        }
                    }
                }
                DeValue::Table(_) => unknown(source, &name_span, name, "section", section_names(), found),
                value_here if is_section(name) => {
                    found.error(
                        source,
                        &value.span(),
                        format!("`{name}` is {}, not a section", kind(value_here)),
                        format!("write [{name}]"),
                    );
                }
                _ if made_up(&value.span()) => {}
                value_here => self.put(source, &name_span, &value.span(), name, found, |_| raw(value_here)),
            }
        }
    }

    /// Applies the variables that start with `MU__`.
    pub(crate) fn environment(
        &mut self,
        variables: impl IntoIterator<Item = (String, String)>,
        found: &mut Diagnostics,
    ) {
        let mut ours: Vec<_> = variables.into_iter().filter(|(name, _)| name.starts_with("MU__")).collect();
        ours.sort();
        for (name, value) in ours {
            let source = Source::of_layer(format!("environment {name}"));
            match KEYS.iter().find(|key| key.variable() == name) {
                Some(key) => self.accept(&source, &(0..0), key, &key.kind.raw_of_text(&value), found),
                None => {
                    let names: Vec<_> = KEYS.iter().map(Key::variable).collect();
                    unknown(&source, &(0..0), &name, "variable", names.iter().map(String::as_str), found);
                }
            }
        }
    }

    /// Applies `key=value` flags.
    pub(crate) fn flags(&mut self, flags: impl IntoIterator<Item = impl AsRef<str>>, found: &mut Diagnostics) {
        for flag in flags {
            let flag = flag.as_ref();
            let (path, value) = flag.split_once('=').unwrap_or((flag, ""));
            let source = Source::of_layer(format!("flag {path}"));
            if flag.contains('=') {
                self.put(&source, &(0..0), &(0..0), path, found, |key| key.kind.raw_of_text(value));
            } else {
                found.error(
                    &source,
                    &(0..0),
                    format!("`{flag}` sets nothing"),
                    "write key=value, like tick.monster_ms=100".to_owned(),
                );
            }
        }
    }

    fn put(
        &mut self,
        source: &Source,
        name: &Range<usize>,
        value: &Range<usize>,
        path: &str,
        found: &mut Diagnostics,
        raw: impl FnOnce(&Key) -> Raw,
    ) {
        match KEYS.iter().find(|key| key.path == path) {
            Some(key) => self.accept(source, value, key, &raw(key), found),
            None => unknown(source, name, path, "key", KEYS.iter().map(|key| key.path), found),
        }
    }

    fn accept(&mut self, source: &Source, span: &Range<usize>, key: &'static Key, raw: &Raw, found: &mut Diagnostics) {
        match key.kind.accept(raw) {
            Ok(value) => {
                (key.put)(&mut self.settings, &value);
                self.origins.places.insert(key.path, (source.clone(), span.clone()));
            }
            Err(wrong) => found.error(
                source,
                span,
                format!("`{}`: {wrong}", key.path),
                format!("allowed: {}", key.kind.allowed()),
            ),
        }
    }
}

fn raw(value: &DeValue<'_>) -> Raw {
    if let Some(number) = integer(value) {
        return Raw::Integer(number);
    }
    if let Some(text) = value.as_str() {
        return Raw::Text(text.to_owned());
    }
    let numbers =
        value.as_array().and_then(|list| list.iter().map(|item| integer(item.get_ref())).collect::<Option<Vec<_>>>());
    numbers.map_or(Raw::Other(kind(value)), Raw::Integers)
}

fn section_names() -> impl Iterator<Item = &'static str> + Clone {
    KEYS.iter().filter_map(|key| key.path.split_once('.').map(|(section, _)| section))
}

fn is_section(name: &str) -> bool {
    section_names().any(|section| section == name)
}

/// A value that the parser put where it found none, after a mistake it has reported.
fn made_up(span: &Range<usize>) -> bool {
    span.is_empty()
}

fn unknown<'a>(
    source: &Source,
    span: &Range<usize>,
    name: &str,
    what: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    found: &mut Diagnostics,
) {
    let help = match nearest(name, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let section = name.split_once('.').map_or("", |(section, _)| section);
            let mut names: Vec<_> = known
                .filter(|path| path.split_once('.').map_or("", |(near, _)| near) == section || what != "key")
                .collect();
            names.dedup();
            format!("known: {}", names.join(", "))
        }
    };
    found.error(source, span, format!("unknown {what} `{name}`"), help);
}
