//! Plans in words, for people.
//!
//! Lines come with what they mean, not with colours: painting is the terminal's business.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use crate::model::{
    Action, Blocked, Change, Class, Field, Kind, Plan, Reason, ResourceId, Risk, Step, TargetId,
};

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// What happens to a resource.
    Action(Action),
    /// A detail of the line above.
    Detail,
    /// Something that cannot be done now.
    Blocked,
    /// Something that is left alone.
    Note,
    /// The last line.
    Summary,
}

/// A line of text and what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is about.
    pub style: Style,
    /// Its text, without a line break.
    pub text: String,
    /// Parts of the text that mean something of their own, in order and apart.
    pub marks: Vec<Mark>,
}

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Where it is, in bytes.
    pub at: Range<usize>,
    /// What it is.
    pub side: Side,
}

/// One of two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What is there now and goes.
    Removed,
    /// What comes.
    Added,
}

impl Line {
    fn new(style: Style, text: String) -> Self {
        Self {
            style,
            text,
            marks: Vec::new(),
        }
    }

    /// A detail that says what becomes of something.
    fn between(what: &str, before: &str, after: &str) -> Self {
        let mut line = Self::new(Style::Detail, format!("    {what}: "));
        line.add(Side::Removed, before);
        line.text.push_str(" → ");
        line.add(Side::Added, after);
        line
    }

    fn add(&mut self, side: Side, part: &str) {
        let from = self.text.len();
        self.text.push_str(part);
        let at = from..self.text.len();
        self.marks.push(Mark { at, side });
    }
}

impl Plan {
    /// The plan in words: one line for each resource that changes with why, then what cannot be
    /// done, what is in the way, what stays, and a summary as the last line. Never holds a secret.
    pub fn lines(&self) -> Vec<Line> {
        let changes = self.changes();
        let places = changes.iter().fold(BTreeMap::new(), |mut places, step| {
            *places.entry(&step.resource).or_insert(0) += 1;
            places
        });
        let mut lines: Vec<Line> = changes
            .iter()
            .flat_map(|step| change_lines(step, places.get(&step.resource) > Some(&1)))
            .collect();
        lines.extend(blocked_lines(&self.report.blocked));
        for foreign in &self.report.foreign {
            lines.push(Line::new(
                Style::Note,
                format!(
                    "? `{}` is in the way of {} and left alone: {}",
                    foreign.native_name, foreign.resource, foreign.owner
                ),
            ));
        }
        for kept in &self.report.kept {
            let text = format!(
                "= {} stays with its data: `{}`",
                kept.resource, kept.native_name
            );
            lines.push(Line::new(Style::Note, text));
        }
        lines.push(Line::new(Style::Summary, self.summary()));
        lines
    }

    /// The plan in one line.
    pub fn summary(&self) -> String {
        let changes = self.changes();
        let blocked = self.report.blocked.len();
        if changes.is_empty() {
            return match (blocked, self.report.unchanged.len()) {
                (0, 0) if !self.report.kept.is_empty() => {
                    "No changes. Only the data that stays is there.".to_owned()
                }
                (0, 0) => "No changes. There is nothing of this fleet.".to_owned(),
                (0, 1) => "No changes. 1 resource is as configured.".to_owned(),
                (0, unchanged) => {
                    format!("No changes. {unchanged} resources are as configured.")
                }
                (blocked, _) => format!("Nothing can be changed: {blocked} blocked."),
            };
        }
        let verbs = [
            (Action::Create, "to create"),
            (Action::Update, "to update"),
            (Action::Replace, "to replace"),
            (Action::Start, "to start"),
            (Action::Delete, "to delete"),
            (Action::Adopt, "to adopt"),
            (Action::Forget, "to forget"),
        ];
        let mut parts: Vec<String> = verbs
            .into_iter()
            .map(|(action, verb)| {
                (
                    changes.iter().filter(|step| step.action == action).count(),
                    verb,
                )
            })
            .filter(|(count, _)| *count > 0)
            .map(|(count, verb)| format!("{count} {verb}"))
            .collect();
        if blocked > 0 {
            parts.push(format!("{blocked} blocked"));
        }
        format!("Plan: {}.", parts.join(", "))
    }

    /// One step for each resource that changes, and for one that moves a step on each target: what comes to be from the ground up, then what
    /// goes from the top down.
    pub fn changes(&self) -> Vec<&Step> {
        let mut by_place: BTreeMap<(&ResourceId, &TargetId), &Step> = BTreeMap::new();
        for step in &self.steps {
            let place = (&step.resource, &step.target);
            by_place.entry(place).or_insert(step);
        }
        let (gone, made): (Vec<&Step>, Vec<&Step>) = by_place
            .into_values()
            .partition(|step| step.action == Action::Delete);
        made.into_iter().chain(gone.into_iter().rev()).collect()
    }
}

impl Step {
    /// What becomes of the resource, as in `will be updated and started`.
    fn outcome(&self) -> String {
        let starts = |reason: &Reason| matches!(reason, Reason::NotRunning { .. });
        let done = self.action.participle();
        if self.action == Action::Update && self.reasons.iter().any(starts) {
            format!("{done} and {}", Action::Start.participle())
        } else {
            done.to_owned()
        }
    }

    /// Why it is there, in words; empty where the action says it already.
    pub fn causes(&self) -> Vec<String> {
        let mut causes: Vec<String> = self.reasons.iter().filter_map(cause).collect();
        causes.dedup();
        causes
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.lines() {
            writeln!(f, "{}", line.text)?;
        }
        Ok(())
    }
}

/// A resource that moves is there twice, so it is said where each line happens.
fn change_lines(step: &Step, moves: bool) -> Vec<Line> {
    let mut text = format!(
        "{} {} will be {}",
        step.action.glyph(),
        step.resource,
        step.outcome()
    );
    if moves {
        text = format!("{text} on {}", step.target);
    }
    if step.risk == Risk::DataLoss {
        text.push_str(" with all its data");
    }
    let causes = step.causes();
    if !causes.is_empty() {
        text = format!("{text}: {}", causes.join("; "));
    }
    let mut lines = vec![Line::new(Style::Action(step.action), text)];
    lines.extend(
        step.reasons
            .iter()
            .filter_map(Reason::change)
            .map(|change| change_line(step, change)),
    );
    lines
}

/// Why, in words; `None` where the action says it already.
fn cause(reason: &Reason) -> Option<String> {
    match reason {
        Reason::Missing | Reason::Destroy => None,
        Reason::Changed(change) => Some(changed_part(&change.field).to_owned()),
        Reason::Drifted(_) => Some("it was changed by hand".to_owned()),
        Reason::NotRunning { detail } | Reason::Dormant { detail } => Some(detail.clone()),
        Reason::Incomplete { detail } => {
            Some(format!("an earlier run did not finish it: {detail}"))
        }
        Reason::DependsOn { resource } => Some(format!("{resource} is made anew")),
        Reason::Unconfirmed => {
            Some("an earlier run put it in place and did not see it work".to_owned())
        }
        Reason::Requested => Some("you asked for it".to_owned()),
        Reason::Superseded => Some("a newer one takes its place".to_owned()),
        Reason::Renamed { was } => Some(format!("it was {was}")),
        Reason::Moved { to } => Some(format!("it moves to {to}")),
        Reason::NotInConfig => Some("the configuration no longer has it".to_owned()),
    }
}

fn changed_part(field: &str) -> &'static str {
    match field {
        "image" | "image_id" => "its image changed",
        "port" => "it needs another port",
        _ => "its configuration changed",
    }
}

/// Only short hashes are known of a file, so nothing is shown but that it is another one.
fn change_line(step: &Step, change: &Change) -> Line {
    let file = match step.resource.kind {
        Kind::Config | Kind::Secret => change.field.strip_prefix("files."),
        Kind::Network | Kind::Volume | Kind::Image | Kind::Datahub | Kind::Role | Kind::Agent => {
            None
        }
    };
    let said = |file: &str, what: &str| Line::new(Style::Detail, format!("    {file}: {what}"));
    match (file, &change.before, &change.after) {
        (Some(file), Some(before @ Field::Keyed(_)), Some(after)) => {
            Line::between(file, &before.to_string(), &after.to_string())
        }
        (Some(file), Some(_), Some(_)) => said(file, "other content"),
        (Some(file), None, _) => said(file, "new file"),
        (Some(file), Some(_), None) => said(file, "no longer there"),
        (None, before, after) => {
            let shown = |field: &Option<Field>| {
                field
                    .as_ref()
                    .map_or_else(|| "(not set)".to_owned(), ToString::to_string)
            };
            let mut line = Line::between(&change.field, &shown(before), &shown(after));
            line.text.push_str(price(change.class));
            line
        }
    }
}

/// What the change of a field takes, in words.
fn price(class: Class) -> &'static str {
    match class {
        Class::Meta => "",
        Class::Live => " (while it runs)",
        Class::Restart => " (needs a restart)",
        Class::Recreate => " (needs a new one)",
        Class::Replace => " (would lose its data)",
    }
}

/// Resources that are blocked for the same cause share a line.
fn blocked_lines(blocked: &BTreeMap<ResourceId, Blocked>) -> Vec<Line> {
    let mut groups: Vec<(&Blocked, Vec<String>)> = Vec::new();
    for (id, cause) in blocked {
        match groups.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, ids)) => ids.push(id.to_string()),
            None => groups.push((cause, vec![id.to_string()])),
        }
    }
    groups
        .into_iter()
        .flat_map(|(cause, ids)| {
            let verb = if ids.len() == 1 { "is" } else { "are" };
            [
                Line::new(
                    Style::Blocked,
                    format!("! {} {verb} blocked: {}", ids.join(", "), cause.why),
                ),
                Line::new(Style::Detail, format!("    fix: {}", cause.fix)),
            ]
        })
        .collect()
}
