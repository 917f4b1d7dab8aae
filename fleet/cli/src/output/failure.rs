//! How errors leave the program: the only place that walks a chain of causes.

use std::error::Error;
use std::fmt::Write;
use std::io;

use super::Style;
use crate::exit::Exit;

/// What the edge of the program wants to know of an error.
pub(crate) trait Edge: Error {
    /// How the program ends with it.
    fn exit(&self) -> Exit;

    /// More lines about it, as they are to be printed.
    fn details(&self) -> Vec<String> {
        Vec::new()
    }

    /// What the person can do about it, one sentence each.
    fn hints(&self) -> Vec<String> {
        Vec::new()
    }
}

/// An error on its way out.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    /// The error and its causes, outermost first.
    chain: Vec<String>,
    details: Vec<String>,
    hints: Vec<String>,
}

impl Failure {
    /// How the program ends with it.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// The error, and what caused it from the outside in.
    pub(crate) fn messages(&self) -> (String, Vec<String>) {
        match self.chain.split_first() {
            Some((message, causes)) => (message.clone(), causes.to_vec()),
            None => (String::new(), Vec::new()),
        }
    }

    /// More lines about it.
    pub(crate) fn details(&self) -> &[String] {
        &self.details
    }

    /// What the person can do about it.
    pub(crate) fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The error and its causes in one line.
    pub(crate) fn line(&self) -> String {
        self.chain.join(": ")
    }

    /// As it is printed: the error, its causes, its details, its hints.
    pub(crate) fn text(&self, style: Style) -> String {
        let mut text = String::new();
        for (at, message) in self.chain.iter().enumerate() {
            if at == 0 {
                let _ = write!(text, "{} {message}", style.red("error:"));
            } else {
                let _ = write!(text, "\n  because: {}", message.replace('\n', "\n  "));
            }
        }
        for detail in &self.details {
            let _ = write!(text, "\n  {}", detail.replace('\n', "\n  "));
        }
        for hint in &self.hints {
            let _ = write!(text, "\n{} {hint}", style.bold("hint:"));
        }
        text
    }
}

impl<E: Edge> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut chain = vec![error.to_string()];
        let mut hints = error.hints();
        let mut cause = error.source();
        while let Some(error) = cause {
            hints.extend(of_the_system(error));
            let message = error.to_string();
            // Transparent layers repeat what they wrap.
            if chain.last() != Some(&message) {
                chain.push(message);
            }
            cause = error.source();
        }
        Self {
            exit: error.exit(),
            chain,
            details: error.details(),
            hints,
        }
    }
}

/// What to do about an error of the system that means the same wherever it comes from.
fn of_the_system(error: &(dyn Error + 'static)) -> Option<String> {
    let error = error.downcast_ref::<io::Error>()?;
    (error.kind() == io::ErrorKind::StorageFull)
        .then(|| "make room on the disk, then run this again".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use thiserror::Error;

    #[derive(Debug, Error)]
    #[error("the file `a` cannot be read")]
    struct Unreadable(#[source] std::io::Error);

    impl Edge for Unreadable {
        fn exit(&self) -> Exit {
            Exit::Usage
        }

        fn hints(&self) -> Vec<String> {
            vec!["make it readable".into()]
        }
    }

    #[test]
    fn the_chain_is_printed_once_with_its_hints() {
        let failure = Failure::from(Unreadable(std::io::Error::other("disk on fire")));
        assert_eq!(failure.exit(), Exit::Usage);
        assert_eq!(
            failure.text(Style::Plain),
            "error: the file `a` cannot be read\n  because: disk on fire\nhint: make it readable"
        );
    }
}
