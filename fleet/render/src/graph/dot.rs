//! Graphviz.

use std::fmt::Write;

use super::model::{Graph, Node};

pub(super) fn draw(graph: &Graph) -> String {
    let mut text = format!(
        "digraph {} {{\n  rankdir=LR;\n  label={};\n  labelloc=t;\n",
        quoted(&graph.title),
        quoted(&format!("{}\n{}", graph.title, graph.summary))
    );
    text.push_str("  node [shape=box, style=\"rounded,filled\", fontname=\"monospace\"];\n");
    for (number, (target, nodes)) in graph.by_target().into_iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  subgraph cluster_{number} {{\n    label={};",
            quoted(target)
        );
        for at in nodes {
            let node = &graph.nodes[at];
            let tint = node.state.tint();
            let _ = writeln!(
                text,
                "    {} [label={}, color=\"{}\", fillcolor=\"{}\"];",
                quoted(&node.id.to_string()),
                quoted(&label(node)),
                tint.line,
                tint.fill
            );
        }
        text.push_str("  }\n");
    }
    for (first, then) in graph.order.edges() {
        let end = |at: usize| quoted(&graph.nodes[at].id.to_string());
        let _ = writeln!(text, "  {} -> {};", end(first), end(then));
    }
    text.push_str("}\n");
    text
}

fn label(node: &Node) -> String {
    let first = format!("{} {}", node.state.glyph(), node.id);
    let lines = [first.trim_start(), &node.note];
    lines
        .into_iter()
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

/// In double quotes, where only the quote itself ends a string and a backslash begins an escape.
fn quoted(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_escapes_its_quotes() {
        assert_eq!(super::quoted("a\"b\\\nc"), r#""a\"b\\\nc""#);
    }
}
