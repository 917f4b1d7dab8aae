//! The style sheet of a picture.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::graph::state::State;

const SHAPES: &str = "\
text { font-family: system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; font-size: 11px }
.title { font-size: 20px; font-weight: 600 }
.summary { font-size: 13px }
.name { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; font-size: 13px; font-weight: 600 }
.kind { font-size: 10px; text-anchor: end }
.pill, .sign { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; font-size: 10px }
.sign { font-size: 13px; font-weight: 700; text-anchor: middle }
.head { font-size: 12px; font-weight: 600 }
.line { fill: none; stroke-width: 1.5 }
.box { stroke-width: 1.25 }
.frame { stroke-dasharray: 4 4 }
.delete .box, .foreign .box { stroke-dasharray: 6 4 }
";

/// The surroundings of a picture.
struct Theme {
    page: &'static str,
    band: &'static str,
    card: &'static str,
    rule: &'static str,
    line: &'static str,
    ink: &'static str,
    faint: &'static str,
    on_badge: &'static str,
}

const LIGHT: Theme = Theme {
    page: "#ffffff",
    band: "#f8fafc",
    card: "#ffffff",
    rule: "#d5dde7",
    line: "#8a99ad",
    ink: "#0f172a",
    faint: "#5b6878",
    on_badge: "#ffffff",
};

const DARK: Theme = Theme {
    page: "#0d1420",
    band: "#131d2c",
    card: "#1a2637",
    rule: "#31425a",
    line: "#6d7f98",
    ink: "#e8eef6",
    faint: "#9fb0c5",
    on_badge: "#0d1420",
};

/// For a picture with these states.
pub(super) fn sheet(states: &BTreeSet<State>) -> String {
    let light = rules(&LIGHT, states, |state| {
        let tint = state.tint();
        (tint.line, tint.fill)
    });
    let dark = rules(&DARK, states, |state| {
        let tint = state.tint();
        (tint.dark_line, tint.dark_fill)
    });
    format!("{SHAPES}{light}@media (prefers-color-scheme: dark) {{\n{dark}}}\n")
}

fn rules(
    theme: &Theme,
    states: &BTreeSet<State>,
    tint: impl Fn(State) -> (&'static str, &'static str),
) -> String {
    let Theme {
        page,
        band,
        card,
        rule,
        line,
        ink,
        faint,
        on_badge,
    } = theme;
    let mut rules = format!(
        ".page {{ fill: {page} }}\n.band {{ fill: {band}; stroke: {rule} }}\n\
         .frame {{ fill: none; stroke: {line} }}\n.line {{ stroke: {line} }}\n\
         .arrow {{ fill: {line} }}\n.box {{ fill: {card} }}\n\
         text {{ fill: {ink} }}\n.faint {{ fill: {faint} }}\n.sign {{ fill: {on_badge} }}\n"
    );
    for &state in states {
        let (line, fill) = tint(state);
        let class = state.class();
        // Writing to a string cannot fail.
        let _ = writeln!(
            rules,
            ".{class} .box {{ stroke: {line} }} .{class} .badge {{ fill: {line} }} \
             .{class} .pillbox {{ fill: {fill}; stroke: {line} }} .{class} .pill {{ fill: {line} }}"
        );
    }
    rules
}
