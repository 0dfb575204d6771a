//! Reports as a file: CSV for a table, JSON for a program. Written page by page, so that there may be any number of them.

use std::{fmt::Write as _, str::FromStr};

use futures_util::{Stream, StreamExt as _, stream};
use jiff::Timestamp;

use super::{ActKind, Feedback, Order, Report, Wanted};
use crate::{
    clock::Millis,
    error::{ApiError, Result},
    storage,
};

/// Reports that are read at a time.
const PAGE: i64 = 200;

/// What the file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A table; the mark before it makes table programs read Russian.
    Csv,
    /// An array of reports.
    Json,
}

impl FromStr for Format {
    type Err = ApiError;

    fn from_str(word: &str) -> Result<Self> {
        match word {
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            _ => Err(ApiError::invalid_param("format is csv or json.")),
        }
    }
}

impl Format {
    fn head(self) -> String {
        match self {
            Self::Csv => format!("\u{FEFF}{}", row(COLUMNS.map(str::to_owned))),
            Self::Json => "[".to_owned(),
        }
    }

    fn page(self, reports: &[Report], is_first: bool) -> Result<String> {
        let mut text = String::new();
        for (index, report) in reports.iter().enumerate() {
            match self {
                Self::Csv => text.push_str(&row(cells(report)?)),
                Self::Json => {
                    text.push_str(if is_first && index == 0 { "\n" } else { ",\n" });
                    text.push_str(&serde_json::to_string(report)?);
                }
            }
        }
        Ok(text)
    }

    fn end(self) -> String {
        match self {
            Self::Csv => String::new(),
            Self::Json => "\n]\n".to_owned(),
        }
    }
}

impl Feedback {
    /// The reports that are wanted as a file, the newest first.
    pub fn export(&self, format: Format, wanted: Wanted) -> impl Stream<Item = Result<String>> + Send + use<> {
        let pages = stream::try_unfold((self.db.clone(), wanted, true), move |(db, mut wanted, is_first)| async move {
            let reports = storage::feedback::list(&db, &wanted, Order::Newest, 0, PAGE).await?;
            let Some(last) = reports.last() else { return Ok::<_, ApiError>(None) };
            wanted.before = last.id;
            Ok(Some((format.page(&reports, is_first)?, (db, wanted, false))))
        });
        stream::iter([Ok(format.head())]).chain(pages).chain(stream::iter([Ok(format.end())]))
    }
}

const COLUMNS: [&str; 17] = [
    "id",
    "created",
    "kind",
    "state",
    "state_since",
    "priority",
    "sender",
    "room",
    "text",
    "client",
    "version",
    "os",
    "language",
    "attachments",
    "answers",
    "note",
    "diagnostics",
];

fn cells(report: &Report) -> Result<[String; COLUMNS.len()]> {
    let said = |key: &str| report.diagnostics.get(key).cloned().unwrap_or_default();
    let attachments: Vec<&str> = report.attachments.iter().map(|attachment| attachment.name.as_str()).collect();
    let answers = report.acts.iter().filter(|act| act.kind == ActKind::Answer);
    let answers: Vec<&str> = answers.map(|act| act.value.as_str()).collect();
    Ok([
        report.id.to_string(),
        time(report.created_at)?,
        report.kind.as_str().to_owned(),
        report.state.as_str().to_owned(),
        time(report.state_at)?,
        report.priority.as_str().to_owned(),
        report.reporter.as_ref().map_or_else(String::new, ToString::to_string),
        report.room_id.as_ref().map_or_else(String::new, ToString::to_string),
        report.text.clone(),
        said("client"),
        said("version"),
        said("os"),
        said("language"),
        attachments.join("\n"),
        answers.join("\n\n"),
        report.note.clone(),
        serde_json::to_string(&report.diagnostics)?,
    ])
}

/// A time as people and programs read it: RFC 3339 in UTC.
pub fn time(at: Millis) -> Result<String> {
    Ok(Timestamp::from_millisecond(at).map_err(ApiError::internal)?.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// A line of CSV (RFC 4180), every cell in quotes. A table program takes a cell for a formula that begins with one of a few
/// signs, and would run what a stranger has written: an apostrophe before it makes it a text.
fn row<const N: usize>(cells: [String; N]) -> String {
    let mut line = String::new();
    for (index, cell) in cells.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let apostrophe = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        // Writing to a string does not fail.
        let _ = write!(line, "{comma}\"{apostrophe}{}\"", cell.replace('"', "\"\""));
    }
    line.push_str("\r\n");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_none_breaks_its_line() {
        let cells = ["=1+1", "+7", "-x", "@a", "\t=1", "a \"b\", c\nd", ""].map(str::to_owned);
        assert_eq!(row(cells), "\"'=1+1\",\"'+7\",\"'-x\",\"'@a\",\"'\t=1\",\"a \"\"b\"\", c\nd\",\"\"\r\n");
        assert_eq!(time(1_756_000_000_123).unwrap(), "2025-08-24T01:46:40Z");
    }
}
