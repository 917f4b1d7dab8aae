//! Templates and the filters that put values into them.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use thiserror::Error;

/// A text of `templates/`, compiled in.
pub(crate) struct Template {
    /// Its place below the root of the repository, for messages.
    pub(crate) path: &'static str,
    pub(crate) source: &'static str,
}

/// Why a text could not be rendered: a mistake in a template, not in a fleet.
#[derive(Debug, Error)]
#[error("the template {template} cannot be rendered")]
pub struct RenderError {
    /// Which one.
    pub template: &'static str,
    /// What is wrong with it.
    #[source]
    pub cause: minijinja::Error,
}

impl Template {
    /// The text for `context`.
    pub(crate) fn render<T: Serialize>(&self, context: T) -> Result<String, RenderError> {
        let failed = |cause| RenderError {
            template: self.path,
            cause,
        };
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_syntax(whole_line_blocks().map_err(failed)?);
        environment.add_filter("yaml", |text: String| yaml(&text));
        environment.add_filter("yaml_key", |text: String| rivetos_config::quoted(&text));
        environment.add_filter("sh", |text: String| sh(&text));
        environment
            .template_from_named_str(self.path, self.source)
            .and_then(|template| template.render(Serde(context)))
            .map_err(failed)
    }
}

/// A tag on a line of its own leaves no trace of the line.
fn whole_line_blocks() -> Result<SyntaxConfig, minijinja::Error> {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
}

/// A value in YAML that puts variables into values, as Compose and our own configuration do.
fn yaml(text: &str) -> String {
    rivetos_config::quoted(&text.replace('$', "$$"))
}

/// One word of a POSIX shell.
fn sh(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn render(source: &'static str) -> Result<String, RenderError> {
        let template = Template {
            path: "t.yaml.j2",
            source,
        };
        template.render(BTreeMap::from([("a", "it's $5\n\"{{ b }}\"")]))
    }

    #[test]
    fn filters_quote() {
        assert_eq!(
            render("{{ a|yaml }}").unwrap(),
            r#""it's $$5\n\"{{ b }}\"""#
        );
        assert_eq!(
            render("{{ a|yaml_key }}").unwrap(),
            r#""it's $5\n\"{{ b }}\"""#
        );
        assert_eq!(render("{{ a|sh }}").unwrap(), "'it'\\''s $5\n\"{{ b }}\"'");
    }

    #[test]
    fn a_name_that_is_not_there_is_an_error() {
        let error = render("{{ a }} {{ b }}").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the template t.yaml.j2 cannot be rendered"
        );
    }
}
