//! The spans of one turn while it runs.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rivetos_types::message::{InboundMessage, TokenUsage};
use rivetos_types::store::Claim;
use sha2::{Digest, Sha256};

use super::Exporter;
use crate::application::lock;

/// The most requests and calls of one turn that become spans.
const TURN_SPANS_MAX: usize = 512;

pub(super) type TraceId = [u8; 16];
pub(super) type SpanId = [u8; 8];

/// Something that took time.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) trace: TraceId,
    pub(super) id: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) name: String,
    pub(super) kind: SpanKind,
    pub(super) start_unix_nanos: u64,
    pub(super) end_unix_nanos: u64,
    pub(super) attributes: Vec<(&'static str, Attribute)>,
    pub(super) end: SpanEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpanKind {
    Internal,
    /// Somebody else does the work.
    Client,
}

#[derive(Debug)]
pub(super) enum Attribute {
    Text(String),
    Number(u64),
}

/// How something ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpanEnd {
    Ok,
    Failed,
    /// By somebody else, in the middle.
    Stopped,
}

/// The work of one claim on a turn; nothing at all when nobody collects.
pub(crate) struct Trace(Option<Box<Live>>);

struct Live {
    exporter: Exporter,
    id: TraceId,
    root: SpanId,
    /// Of the claim, so that no two have the same spans.
    token: i64,
    /// Of the next span.
    number: AtomicI64,
    began: Stamp,
    turn: String,
    session: String,
    children: Mutex<Vec<Span>>,
    ended: Mutex<Option<Ended>>,
}

#[derive(Debug, Clone, Copy)]
struct Ended {
    outcome: &'static str,
    usage: TokenUsage,
    end: SpanEnd,
}

/// A moment on both clocks: ends are told by the one that nobody sets.
#[derive(Debug, Clone, Copy)]
struct Stamp {
    unix_nanos: u64,
    at: Instant,
}

impl Stamp {
    fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanos = since.map_or(0, |since| since.as_nanos());
        Self {
            unix_nanos: u64::try_from(nanos).unwrap_or(u64::MAX),
            at: Instant::now(),
        }
    }

    fn end_unix_nanos(&self) -> u64 {
        let took = u64::try_from(self.at.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.unix_nanos.saturating_add(took)
    }
}

impl Trace {
    /// Begins with the work of a claim. Every claim of a turn, by whichever process, belongs to
    /// one trace.
    pub(crate) fn begin(
        exporter: Option<&Exporter>,
        claim: &Claim,
        message: &InboundMessage,
    ) -> Self {
        Self(exporter.map(|exporter| {
            let turn = claim.turn.to_string();
            let received = message.received_at.0.to_be_bytes();
            let id = first(&[exporter.agent().as_bytes(), turn.as_bytes(), &received]);
            Box::new(Live {
                exporter: exporter.clone(),
                id,
                root: span_id(&id, claim.token, 0),
                token: claim.token,
                number: AtomicI64::new(1),
                began: Stamp::now(),
                turn,
                session: message.session.to_string(),
                children: Mutex::default(),
                ended: Mutex::default(),
            })
        }))
    }

    /// A request to a model begins.
    pub(crate) fn request(&self, model: &str) -> OpenSpan<'_> {
        let named = |live| OpenSpan::start(live, SpanKind::Client, format!("chat {model}"));
        let span = OpenSpan(self.0.as_deref().map(named));
        span.text("gen_ai.operation.name", "chat")
            .text("gen_ai.request.model", model)
    }

    /// A tool call begins.
    pub(crate) fn call(&self, tool: &str) -> OpenSpan<'_> {
        let named =
            |live| OpenSpan::start(live, SpanKind::Internal, format!("execute_tool {tool}"));
        let span = OpenSpan(self.0.as_deref().map(named));
        span.text("gen_ai.operation.name", "execute_tool")
            .text("gen_ai.tool.name", tool)
    }

    /// Older turns begin to become a summary.
    pub(crate) fn compaction(&self) -> OpenSpan<'_> {
        let named = |live| OpenSpan::start(live, SpanKind::Internal, "compact".to_owned());
        OpenSpan(self.0.as_deref().map(named))
    }

    /// What came of the work. Without a word, another process has the turn, or the next one.
    pub(crate) fn ends(&self, outcome: &'static str, usage: TokenUsage, end: SpanEnd) {
        if let Some(live) = &self.0 {
            let ended = Ended {
                outcome,
                usage,
                end,
            };
            *lock(&live.ended) = Some(ended);
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let ended = lock(&self.ended).unwrap_or(Ended {
            outcome: "left",
            usage: TokenUsage::default(),
            end: SpanEnd::Stopped,
        });
        let root = Span {
            trace: self.id,
            id: self.root,
            parent: None,
            name: "turn".to_owned(),
            kind: SpanKind::Internal,
            start_unix_nanos: self.began.unix_nanos,
            end_unix_nanos: self.began.end_unix_nanos(),
            attributes: vec![
                (
                    "rivetos.turn",
                    Attribute::Text(std::mem::take(&mut self.turn)),
                ),
                (
                    "session.id",
                    Attribute::Text(std::mem::take(&mut self.session)),
                ),
                ("rivetos.outcome", Attribute::Text(ended.outcome.to_owned())),
                (
                    "gen_ai.usage.input_tokens",
                    Attribute::Number(ended.usage.input),
                ),
                (
                    "gen_ai.usage.output_tokens",
                    Attribute::Number(ended.usage.output),
                ),
            ],
            end: ended.end,
        };
        let mut spans = std::mem::take(&mut *lock(&self.children));
        spans.push(root);
        self.exporter.export(spans);
    }
}

/// A span that has not ended. Dropped, it was stopped.
pub(crate) struct OpenSpan<'a>(Option<Open<'a>>);

struct Open<'a> {
    live: &'a Live,
    began: Stamp,
    name: String,
    kind: SpanKind,
    attributes: Vec<(&'static str, Attribute)>,
    end: SpanEnd,
}

impl<'a> OpenSpan<'a> {
    fn start(live: &'a Live, kind: SpanKind, name: String) -> Open<'a> {
        Open {
            live,
            began: Stamp::now(),
            name,
            kind,
            attributes: Vec::new(),
            end: SpanEnd::Stopped,
        }
    }

    fn text(mut self, key: &'static str, value: &str) -> Self {
        if let Some(open) = &mut self.0 {
            let value = Attribute::Text(value.to_owned());
            open.attributes.push((key, value));
        }
        self
    }

    /// What the request took.
    pub(crate) fn used(mut self, usage: TokenUsage) -> Self {
        if let Some(open) = &mut self.0 {
            let (input, output) = (usage.input, usage.output);
            let number = |key, count| (key, Attribute::Number(count));
            open.attributes.extend([
                number("gen_ai.usage.input_tokens", input),
                number("gen_ai.usage.output_tokens", output),
            ]);
        }
        self
    }

    pub(crate) fn ended(mut self, end: SpanEnd) {
        if let Some(open) = &mut self.0 {
            open.end = end;
        }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let live = self.live;
        let number = live.number.fetch_add(1, Ordering::Relaxed);
        let span = Span {
            trace: live.id,
            id: span_id(&live.id, live.token, number),
            parent: Some(live.root),
            name: std::mem::take(&mut self.name),
            kind: self.kind,
            start_unix_nanos: self.began.unix_nanos,
            end_unix_nanos: self.began.end_unix_nanos(),
            attributes: std::mem::take(&mut self.attributes),
            end: self.end,
        };
        let mut children = lock(&live.children);
        if children.len() < TURN_SPANS_MAX {
            children.push(span);
        } else {
            live.exporter.lose(1);
        }
    }
}

fn span_id(trace: &TraceId, token: i64, number: i64) -> SpanId {
    first(&[trace, &token.to_be_bytes(), &number.to_be_bytes()])
}

/// The first bytes of the hash of all parts.
fn first<const BYTES: usize>(parts: &[&[u8]]) -> [u8; BYTES] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let mut bytes = [0; BYTES];
    for (to, from) in bytes.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    bytes
}
