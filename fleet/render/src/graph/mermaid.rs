//! Mermaid.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::model::Graph;

pub(super) fn draw(graph: &Graph) -> String {
    let mut text = format!("---\ntitle: {}\n---\nflowchart LR\n", yaml(&graph.title));
    // Writing to a string cannot fail.
    for (number, (target, nodes)) in graph.by_target().into_iter().enumerate() {
        let _ = writeln!(text, "  subgraph target{number} [{}]", quoted(target));
        for at in nodes {
            let node = &graph.nodes[at];
            let mut label = quoted(format!("{} {}", node.state.glyph(), node.id).trim_start());
            if !node.note.is_empty() {
                label.insert_str(
                    label.len() - 1,
                    &format!("<br/>{}", quoted(&node.note).trim_matches('"')),
                );
            }
            let _ = writeln!(text, "    n{at}[{label}]:::{}", node.state.class());
        }
        text.push_str("  end\n");
    }
    for (first, then) in graph.order.edges() {
        let _ = writeln!(text, "  n{first} --> n{then}");
    }
    let states: BTreeSet<_> = graph.nodes.iter().map(|node| node.state).collect();
    for state in states {
        let tint = state.tint();
        let _ = writeln!(
            text,
            "  classDef {} fill:{},stroke:{},color:#0f172a",
            state.class(),
            tint.fill,
            tint.line
        );
    }
    text
}

/// In double quotes; what could be markup is written as an entity, which Mermaid begins with `#`.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("#quot;"),
            '#' => quoted.push_str("#35;"),
            '<' => quoted.push_str("#lt;"),
            '>' => quoted.push_str("#gt;"),
            '&' => quoted.push_str("#amp;"),
            '`' => quoted.push_str("#96;"),
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn yaml(text: &str) -> String {
    rivetos_config::quoted(text)
}

#[cfg(test)]
mod tests {
    #[test]
    fn markup_in_a_label_is_text() {
        assert_eq!(super::quoted("a\"<b>\n#"), "\"a#quot;#lt;b#gt; #35;\"");
    }
}
