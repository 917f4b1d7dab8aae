//! Variables in values: `${NAME}`, `${NAME:-default}`, `${NAME:?message}` and `$$`.

use std::collections::BTreeMap;

/// Where the values of variables come from. The process's own environment is one of them, but
/// only the programs' wiring reads that.
pub trait Environment {
    /// The value of `name`; `None` when it is not set.
    fn get(&self, name: &str) -> Option<String>;

    /// Whether a variable that is a secret must have a value. `false` where the file is read for
    /// something that uses no secret, such as looking at a fleet or taking it down.
    fn needs_secrets(&self) -> bool {
        true
    }
}

impl Environment for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).cloned()
    }
}

/// Why the variables of a text could not be put in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unresolved {
    pub(crate) message: String,
    pub(crate) hint: String,
}

/// A part of a text.
enum Piece<'a> {
    Literal(&'a str),
    Variable {
        name: &'a str,
        otherwise: Otherwise<'a>,
    },
}

/// What happens when a variable has no value.
enum Otherwise<'a> {
    Unset,
    Default(&'a str),
    Required(&'a str),
}

/// A text that is one variable and nothing else.
pub(crate) struct Sole<'a> {
    pub(crate) name: &'a str,
    /// What stands for it when it has no value.
    pub(crate) default: Option<&'a str>,
}

/// The variable when `text` is exactly one.
pub(crate) fn sole_variable(text: &str) -> Option<Sole<'_>> {
    match next_piece(text) {
        Ok((Piece::Variable { name, otherwise }, "")) => Some(Sole {
            name,
            default: match otherwise {
                Otherwise::Default(default) => Some(default),
                Otherwise::Unset | Otherwise::Required(_) => None,
            },
        }),
        Ok((Piece::Variable { .. } | Piece::Literal(_), _)) | Err(_) => None,
    }
}

/// Whether `text` says anything to [`interpolate`].
pub(crate) fn has_variables(text: &str) -> bool {
    text.contains('$')
}

/// `text` with its variables put in.
pub(crate) fn interpolate(text: &str, environment: &dyn Environment) -> Result<String, Unresolved> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = next_piece(rest)?;
        match piece {
            Piece::Literal(text) => result.push_str(text),
            Piece::Variable { name, otherwise } => {
                result.push_str(&value_of(name, &otherwise, environment)?);
            }
        }
        rest = after;
    }
    Ok(result)
}

/// `text` so that [`interpolate`] gives it back.
pub(crate) fn escape(text: &str) -> String {
    text.replace('$', "$$")
}

fn next_piece(text: &str) -> Result<(Piece<'_>, &str), Unresolved> {
    let Some(dollar) = text.find('$') else {
        return Ok((Piece::Literal(text), ""));
    };
    if dollar > 0 {
        let (literal, rest) = text.split_at(dollar);
        return Ok((Piece::Literal(literal), rest));
    }
    if let Some(rest) = text.strip_prefix("$$") {
        return Ok((Piece::Literal("$"), rest));
    }
    let Some(rest) = text.strip_prefix("${") else {
        return Err(Unresolved {
            message: "a `$` stands for itself only when it is doubled".to_owned(),
            hint: "write `$$` for a dollar sign, `${NAME}` for a variable".to_owned(),
        });
    };
    let Some((inside, after)) = rest.split_once('}') else {
        return Err(Unresolved {
            message: "`${` has no closing `}`".to_owned(),
            hint: "write `$$` for a dollar sign, `${NAME}` for a variable".to_owned(),
        });
    };
    Ok((variable(inside)?, after))
}

fn variable(inside: &str) -> Result<Piece<'_>, Unresolved> {
    let (name, otherwise) = match inside.split_once(':') {
        None => (inside, Otherwise::Unset),
        Some((name, modifier)) => match (modifier.strip_prefix('-'), modifier.strip_prefix('?')) {
            (Some(default), _) => (name, Otherwise::Default(default)),
            (None, Some(message)) => (name, Otherwise::Required(message)),
            (None, None) => (inside, Otherwise::Unset),
        },
    };
    if !is_name(name) {
        return Err(Unresolved {
            message: format!("`${{{inside}}}` is not a variable"),
            hint: "write `${NAME}`, `${NAME:-default}` or `${NAME:?message}`; the name has \
                   letters, digits and `_`"
                .to_owned(),
        });
    }
    if let Otherwise::Default(default) = otherwise
        && default.contains('$')
    {
        return Err(Unresolved {
            message: format!("the default of `{name}` contains a `$`"),
            hint: "a default is taken as it is and has no variables of its own".to_owned(),
        });
    }
    Ok(Piece::Variable { name, otherwise })
}

pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn value_of(
    name: &str,
    otherwise: &Otherwise<'_>,
    environment: &dyn Environment,
) -> Result<String, Unresolved> {
    let value = environment.get(name);
    match otherwise {
        Otherwise::Unset => value.ok_or_else(|| unset(name)),
        Otherwise::Default(default) => Ok(value
            .filter(|value| !value.is_empty())
            .unwrap_or_else(|| (*default).to_owned())),
        Otherwise::Required(message) => value.filter(|value| !value.is_empty()).ok_or_else(|| {
            let said = if message.is_empty() { "" } else { ": " };
            Unresolved {
                message: format!("the environment variable `{name}` is needed{said}{message}"),
                hint: format!("export {name}=…"),
            }
        }),
    }
}

fn unset(name: &str) -> Unresolved {
    Unresolved {
        message: format!("the environment variable `{name}` is not set"),
        hint: format!("export {name}=… or write ${{{name}:-default}}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> BTreeMap<String, String> {
        [("HOST", "example.org"), ("EMPTY", "")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    #[test]
    fn variables_are_put_in() {
        for (text, expected) in [
            ("plain", "plain"),
            ("", ""),
            ("${HOST}", "example.org"),
            ("http://${HOST}:${PORT:-80}/", "http://example.org:80/"),
            ("${EMPTY}", ""),
            ("${EMPTY:-x}", "x"),
            ("${NONE:-}", ""),
            ("${NONE:-a:-b?}", "a:-b?"),
            ("$${HOST} costs 5$$", "${HOST} costs 5$"),
            ("${HOST:?needed}", "example.org"),
        ] {
            assert_eq!(
                interpolate(text, &environment()).as_deref(),
                Ok(expected),
                "{text:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_put_in_says_why() {
        for (text, expected) in [
            ("${NONE}", "the environment variable `NONE` is not set"),
            (
                "${EMPTY:?say who}",
                "the environment variable `EMPTY` is needed: say who",
            ),
            ("${NONE:?}", "the environment variable `NONE` is needed"),
            ("$HOST", "a `$` stands for itself only when it is doubled"),
            ("5$", "a `$` stands for itself only when it is doubled"),
            ("${HOST", "`${` has no closing `}`"),
            ("${}", "`${}` is not a variable"),
            ("${1ST}", "`${1ST}` is not a variable"),
            ("${A B}", "`${A B}` is not a variable"),
            ("${A:+b}", "`${A:+b}` is not a variable"),
            ("${A:-${B}}", "the default of `A` contains a `$`"),
        ] {
            let error = interpolate(text, &environment()).unwrap_err();
            assert_eq!(error.message, expected, "{text:?}");
        }
    }

    #[test]
    fn an_escaped_text_stands_for_itself() {
        for text in ["a$b", "${HOST}", "$$", "$"] {
            assert_eq!(
                interpolate(&escape(text), &environment()).as_deref(),
                Ok(text)
            );
        }
    }
}
