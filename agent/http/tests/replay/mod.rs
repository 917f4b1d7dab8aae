//! What every reader of answers must stand: recorded answers, split and cut everywhere.
//!
//! The tests of a model provider include this file. Recordings of real endpoints are read from
//! the folder that `RIVETOS_MODEL_STREAMS` names; which of them concern a codec is told by the
//! path of the request, never by the name of the file.

#[path = "../reading/mod.rs"]
mod reading;
#[path = "../recordings/mod.rs"]
mod recordings;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use rivetos_http::End;
use rivetos_types::model::{ModelError, StreamEvent};
use serde_json::Value;

use self::reading::{Answer, Reader, check_chunks, is_done, read};
pub(crate) use self::recordings::{Exchange, recordings};

/// Events up to this length are split at every byte, longer ones at line ends and seeded places;
/// a soak run splits everything everywhere.
const EVERY_SPLIT_BYTES_MAX: usize = 4096;
const SEEDED_SPLITS: usize = 256;
const SOAK: &str = "RIVETOS_TEST_SOAK";

/// Set, the tables of `docs/conformance` are written instead of compared.
const UPDATE: &str = "UPDATE_CONFORMANCE";

/// Reads a body in every way that a network could bring it; all give the same answer, which is
/// returned. Cut anywhere before its end it is incomplete.
pub(crate) fn check<R: Reader>(name: &str, body: &str, new: &dyn Fn() -> R) -> Answer {
    let whole = check_chunks(body.as_bytes(), End::Clean, new);
    for body in [body.to_owned(), with_crlf(body)] {
        let bytes = body.as_bytes();
        let answer = check_chunks(bytes, End::Clean, new);
        assert_eq!(answer, whole, "{name}: line ends");
        for seed in 1..=4 {
            let pieces = random_pieces(bytes, seed);
            let answer = read(new(), pieces, End::Clean);
            assert_eq!(answer, whole, "{name}: chunks of seed {seed}");
        }
    }
    check_splits(name, body.as_bytes(), new());
    check_cuts(name, body.as_bytes(), new());
    whole
}

fn with_crlf(body: &str) -> String {
    body.replace("\r\n", "\n").replace('\n', "\r\n")
}

/// Splits each event of the body in two. That the reader is in the same state afterwards says
/// that the rest of the body gives the same, wherever the split was.
fn check_splits<R: Reader>(name: &str, bytes: &[u8], mut reader: R) {
    let mut start = 0;
    while start < bytes.len() && !reader.is_over() {
        let end = end_of_event(bytes, start);
        let mut after = reader.clone();
        let mut events = Vec::new();
        let result = after.push(&bytes[start..end], &mut events);
        for at in places(&bytes[start..end], start) {
            let mut split = reader.clone();
            let mut said = Vec::new();
            let mut ended = split.push(&bytes[start..at], &mut said);
            if ended.is_ok() {
                ended = split.push(&bytes[at..end], &mut said);
            }
            assert_eq!((&ended, &said), (&result, &events), "{name}: split at {at}");
            // What is over takes no more bytes, and need not remember the same ones.
            let same = split == after || split.is_over() && after.is_over();
            assert!(same, "{name}: another state after a split at {at}");
        }
        reader = after;
        start = end;
    }
}

/// Behind the empty line, or the line where no event has one.
fn end_of_event(bytes: &[u8], start: usize) -> usize {
    let rest = &bytes[start..];
    let blank: &[&[u8]] = &[b"\n\n", b"\r\n\r\n"];
    let ends = blank.iter().filter_map(|blank| {
        let at = rest.windows(blank.len()).position(|part| part == *blank)?;
        Some(start + at + blank.len())
    });
    let line = || rest.iter().position(|byte| *byte == b'\n');
    let end = ends.min().or_else(|| Some(start + line()? + 1));
    end.unwrap_or(bytes.len())
}

fn places(event: &[u8], start: usize) -> BTreeSet<usize> {
    let everywhere = event.len() <= EVERY_SPLIT_BYTES_MAX || std::env::var_os(SOAK).is_some();
    if everywhere {
        return (start..start + event.len()).collect();
    }
    let special = |byte: &u8| matches!(byte, b'\n' | b'\r') || !byte.is_ascii();
    let special = event.iter().enumerate().filter(|(_, byte)| special(byte));
    let special = special.flat_map(|(at, _)| [at, at + 1]).take(SEEDED_SPLITS);
    let mut seeded = Seeded(event.len() as u64);
    let random = (0..SEEDED_SPLITS).map(|_| seeded.below(event.len()));
    special.chain(random).map(|at| start + at).collect()
}

/// Whatever is missing at the end: complete only when the terminal event was there.
fn check_cuts<R: Reader>(name: &str, bytes: &[u8], mut reader: R) {
    let mut done = false;
    for (at, byte) in bytes.iter().enumerate() {
        let (mut cut, mut after) = (reader.clone(), Vec::new());
        let result = cut.end(End::Broken, &mut after);
        let over = reader.is_over();
        assert_eq!(result.is_ok(), over, "{name}: cut at {at}");
        assert!(
            over || matches!(result, Err(ModelError::Incomplete { .. })),
            "{name}: cut at {at}: {result:?}"
        );
        assert!(!after.iter().any(is_done), "{name}: done when cut at {at}");
        assert_eq!(done, over, "{name}: cut at {at}");
        let mut events = Vec::new();
        if reader
            .push(std::slice::from_ref(byte), &mut events)
            .is_err()
        {
            return;
        }
        done |= events.iter().any(is_done);
    }
}

fn random_pieces(mut bytes: &[u8], seed: u64) -> Vec<&[u8]> {
    let mut seeded = Seeded(seed);
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let (head, tail) = bytes.split_at(1 + seeded.below(bytes.len().min(512)));
        pieces.push(head);
        bytes = tail;
    }
    pieces
}

/// Numbers that are the same in every run.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// An outcome in a few words, for the table of `docs/conformance`.
pub(crate) fn outcome((events, result): &Answer) -> String {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut end = "nothing".to_owned();
    for event in events {
        let kind = match event {
            StreamEvent::Text(_) => "text",
            StreamEvent::Reasoning(_) => "reasoning",
            StreamEvent::ToolCall(_) => "tool call",
            StreamEvent::Vendor(_) => "vendor block",
            StreamEvent::Done { stop, .. } => {
                // Without what the vendor said about it.
                let words = format!("{stop:?}");
                words.split('(').next().unwrap().clone_into(&mut end);
                continue;
            }
        };
        *kinds.entry(kind).or_default() += 1;
    }
    if let Err(error) = result {
        end = String::from(error_kind(error));
    }
    let kinds = kinds.iter().map(|(kind, count)| format!("{count} {kind}"));
    let kinds = kinds.collect::<Vec<_>>().join(", ");
    format!("{end} | {kinds}")
}

/// The name of an error in the table.
pub(crate) fn error_kind(error: &ModelError) -> &'static str {
    match error {
        ModelError::Transient { .. } => "error: transient",
        ModelError::TooLong { .. } => "error: too long",
        ModelError::ImagesRefused { .. } => "error: images refused",
        ModelError::Incomplete { .. } => "error: incomplete",
        ModelError::Fatal { .. } => "error: fatal",
    }
}

/// Compares rows of recording and [`outcome`] with `docs/conformance/VENDOR.md`. Recordings of
/// another folder have other names and are not in the table; those of the table must be as there.
pub(crate) fn check_table(vendor: &str, rows: &BTreeMap<String, String>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let path = root.join(format!("docs/conformance/{vendor}.md"));
    let head = "| recording | HTTP | outcome | what came |\n|---|---|---|---|\n";
    let text = fs::read_to_string(&path).unwrap_or_default();
    let (intro, _) = text.split_once(head).unwrap_or((&text, ""));
    let mut table = head.to_owned();
    for (name, outcome) in rows {
        writeln!(table, "| {name} | {outcome} |").unwrap();
    }
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&path, format!("{intro}{table}")).unwrap();
        return;
    }
    for line in text.lines() {
        let row = line
            .strip_prefix("| ")
            .and_then(|row| row.split_once(" | "));
        let Some((name, outcome)) = row.filter(|(name, _)| *name != "recording") else {
            continue;
        };
        if let Some(found) = rows.get(name) {
            assert_eq!(
                format!("{found} |"),
                outcome,
                "{name}, {UPDATE}=1 rewrites it"
            );
        }
    }
    let ours = rows
        .keys()
        .filter(|name| text.contains(name.as_str()))
        .count();
    let mut stdout = std::io::stdout();
    writeln!(
        stdout,
        "{vendor}: {} recordings, {ours} of the table",
        rows.len()
    )
    .unwrap();
    if std::env::var_os("RIVETOS_MODEL_STREAMS").is_none() {
        assert_eq!(
            ours,
            rows.len(),
            "recordings without a row, {UPDATE}=1 adds them"
        );
    }
}

/// The paths of all values in a JSON text: `/messages/content`, without the places in lists.
pub(crate) fn fields(path: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members
            .iter()
            .for_each(|(name, member)| fields(&format!("{path}/{name}"), member, found)),
        Value::Array(items) => items.iter().for_each(|item| fields(path, item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            found.insert(path.to_owned());
        }
    }
}
