//! What is wrong with a configuration, where, and what is allowed: kept as entries, printed with the line it is about.
//!
//! Knows nothing of keys or maps. Every reader adds to one `Diagnostics`, so that one pass reports every mistake.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// How bad an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; the plan stands.
    Warning,
    /// The server would not start.
    Error,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, or the name of another layer: `environment MU__TICK__PLAYER_MS`, `flag tick.player_ms`.
    pub file: PathBuf,
    /// Line, from 1; 0 where a layer has no lines.
    pub line: usize,
    /// Column in characters, from 1; 0 where a layer has no lines.
    pub column: usize,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What is allowed, or what to do; may be empty.
    pub help: String,
    place: Option<Place>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    text: Arc<str>,
    span: Range<usize>,
}

/// A text with the name of where it came from.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// Path of the file, or name of the layer.
    pub(crate) file: PathBuf,
    /// Its text; `None` for a layer that has no lines.
    pub(crate) text: Option<Arc<str>>,
}

/// Everything that was found, in the order of reading.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnostics {
    entries: Vec<Diagnostic>,
}

impl Source {
    /// A file's text.
    pub(crate) fn of_file(file: &Path, text: &str) -> Self {
        Self { file: file.to_owned(), text: Some(Arc::from(text)) }
    }

    /// A layer without lines.
    pub(crate) fn of_layer(name: String) -> Self {
        Self { file: PathBuf::from(name), text: None }
    }
}

impl Diagnostics {
    /// The findings, in the order of reading.
    #[must_use]
    pub fn entries(&self) -> &[Diagnostic] {
        &self.entries
    }

    /// Whether there is a finding that forbids a start.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.entries.iter().any(|entry| entry.severity == Severity::Error)
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn error(&mut self, source: &Source, span: &Range<usize>, message: String, help: String) {
        self.push(source, span, Severity::Error, message, help);
    }

    pub(crate) fn warning(&mut self, source: &Source, span: &Range<usize>, message: String, help: String) {
        self.push(source, span, Severity::Warning, message, help);
    }

    fn push(&mut self, source: &Source, span: &Range<usize>, severity: Severity, message: String, help: String) {
        let place = source.text.as_ref().map(|text| Place { text: Arc::clone(text), span: clamp(text, span) });
        let (line, column) = place.as_ref().map_or((0, 0), |place| line_and_column(&place.text, place.span.start));
        self.entries.push(Diagnostic { file: source.file.clone(), line, column, severity, message, help, place });
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, entry) in self.entries.iter().enumerate() {
            if at > 0 {
                writeln!(out)?;
            }
            writeln!(out, "{}", entry)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = if self.severity == Severity::Error { Level::ERROR } else { Level::WARNING };
        let Some(place) = &self.place else {
            let word = if self.severity == Severity::Error { "error" } else { "warning" };
            write!(out, "{word}: {}\n --> {}", self.message, self.file.display())?;
            return if self.help.is_empty() { Ok(()) } else { write!(out, "\n  = help: {}", self.help) };
        };
        let file = self.file.display().to_string();
        // The few lines around the place are enough, and a map of 128 rows is not printed for one wrong letter.
        let mark = AnnotationKind::Primary.span(place.span.clone());
        let snippet = Snippet::source(&*place.text).path(file).fold(true).annotation(mark);
        let mut group: Group<'_> = level.primary_title(self.message.as_str()).element(snippet);
        if !self.help.is_empty() {
            group = group.element(Level::HELP.message(self.help.as_str()));
        }
        write!(out, "{}", Renderer::plain().render(&[group]))
    }
}

/// Line and column, from 1, of a byte offset.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset];
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
}

/// A span inside the text, on character boundaries and within its first line, so that a table's span marks its first line only.
fn clamp(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    start..text.ceil_char_boundary(span.end.clamp(start, line_end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_characters_from_one() {
        assert_eq!(line_and_column("ä\nöx", 5), (2, 2));
        assert_eq!(line_and_column("", 0), (1, 1));
    }

    #[test]
    fn a_span_never_leaves_the_text_or_its_line() {
        assert_eq!(clamp("ab\ncd", &(1..5)), 1..2);
        assert_eq!(clamp("ab", &(7..9)), 2..2);
        assert_eq!(clamp("ä", &(1..2)), 0..2);
    }
}
