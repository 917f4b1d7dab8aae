//! `.env` beside the configuration: variables for those that the process does not have.
//!
//! ```text
//! # a comment
//! NAME=value            # up to the end of the line, blanks around it left out
//! export NAME='as it is, also # and $ and
//! a second line'
//! NAME="with escapes: \n \t \" \\"
//! ```
//!
//! A `$` is a dollar sign everywhere: values have no variables of their own.

use std::collections::BTreeMap;
use std::fmt;

use rivetos_types::secret::Secret;

use crate::environment::is_name;
use crate::problem::{Problem, Problems};

/// The longest file that is read, in bytes.
const FILE_BYTES_MAX: usize = 1024 * 1024;

/// The variables of one file. Shows their names and never their values.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct EnvFile(BTreeMap<String, Secret<String>>);

impl EnvFile {
    /// Reads a whole file, whose name in messages is `file`. Fails with every problem at once.
    pub fn parse(text: &str, file: &str) -> Result<Self, Problems> {
        let mut scanner = Scanner::new(text, file);
        if text.len() > FILE_BYTES_MAX {
            let message = format!("the file is longer than {FILE_BYTES_MAX} bytes");
            let start = scanner.place();
            scanner.problem(start, "", message, None);
            return Err(Problems(scanner.problems));
        }
        let mut values: BTreeMap<String, Secret<String>> = BTreeMap::new();
        let mut lines: BTreeMap<String, u64> = BTreeMap::new();
        while scanner.peek().is_some() {
            let at = scanner.place();
            if let Some((name, value)) = scanner.line() {
                if let Some(first) = lines.get(&name) {
                    let message = format!("this variable is in line {first} already");
                    scanner.problem(at, &name, message, None);
                } else {
                    lines.insert(name.clone(), at.line);
                    values.insert(name, Secret::new(value));
                }
            }
        }
        if scanner.problems.is_empty() {
            Ok(Self(values))
        } else {
            Err(Problems(scanner.problems))
        }
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&Secret<String>> {
        self.0.get(name)
    }
}

impl fmt::Debug for EnvFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A place in the file, from 1.
#[derive(Clone, Copy)]
struct Place {
    line: u64,
    column: u64,
}

/// Goes through the text character by character. A line break is one character, however it is
/// written.
struct Scanner<'a> {
    file: &'a str,
    rest: &'a str,
    at: Place,
    problems: Vec<Problem>,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str, file: &'a str) -> Self {
        Self {
            file,
            rest: text.strip_prefix('\u{feff}').unwrap_or(text),
            at: Place { line: 1, column: 1 },
            problems: Vec::new(),
        }
    }

    fn place(&self) -> Place {
        self.at
    }

    fn problem(&mut self, at: Place, name: &str, message: String, hint: Option<&str>) {
        self.problems.push(Problem {
            file: self.file.to_owned(),
            line: at.line,
            column: at.column,
            path: name.to_owned(),
            message,
            hint: hint.map(str::to_owned),
        });
    }

    fn peek(&self) -> Option<char> {
        if self.rest.starts_with("\r\n") {
            return Some('\n');
        }
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        let bytes = if self.rest.starts_with("\r\n") {
            2
        } else {
            c.len_utf8()
        };
        self.rest = &self.rest[bytes..];
        if c == '\n' {
            self.at.line += 1;
            self.at.column = 1;
        } else {
            self.at.column += 1;
        }
        Some(c)
    }

    fn take_while(&mut self, mut wanted: impl FnMut(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.peek().filter(|c| wanted(*c)) {
            taken.push(c);
            self.next();
        }
        taken
    }

    fn blanks(&mut self) {
        self.take_while(is_blank);
    }

    /// The rest of the line and its end.
    fn skip_line(&mut self) {
        self.take_while(|c| c != '\n');
        self.next();
    }

    /// One line, or several when a value goes on; `None` when it sets nothing.
    fn line(&mut self) -> Option<(String, String)> {
        self.blanks();
        if matches!(self.peek(), None | Some('#' | '\n')) {
            self.skip_line();
            return None;
        }
        let at = self.place();
        let mut name = self.word();
        if name == "export" && self.peek().is_some_and(is_blank) {
            self.blanks();
            name = self.word();
        }
        self.blanks();
        // What is no name may be a piece of a value, so it is not shown.
        if !is_name(&name) || self.peek() != Some('=') {
            let message = "this is not `NAME=value`".to_owned();
            let hint = "a name has letters, digits and `_`; a value of several lines is in quotes";
            self.problem(at, "", message, Some(hint));
            self.skip_line();
            return None;
        }
        self.next();
        self.blanks();
        let value = match self.peek() {
            Some(quote @ ('\'' | '"')) => self.quoted(quote, &name)?,
            None | Some(_) => self.bare(),
        };
        Some((name, value))
    }

    fn word(&mut self) -> String {
        self.take_while(|c| c != '=' && c != '\n' && !is_blank(c))
    }

    /// Up to the end of the line or a `#` after a blank.
    fn bare(&mut self) -> String {
        let mut last = ' ';
        let value = self.take_while(|c| {
            let ends = c == '\n' || (c == '#' && is_blank(last));
            last = c;
            !ends
        });
        self.skip_line();
        value.trim_end_matches(is_blank).to_owned()
    }

    /// Up to the same quote; `None` after a problem.
    fn quoted(&mut self, quote: char, name: &str) -> Option<String> {
        let opened = self.place();
        self.next();
        let mut value = String::new();
        let mut sound = true;
        loop {
            let at = self.place();
            match self.next() {
                None => {
                    let message = format!("this value begins with {quote} and never ends");
                    let hint = "close it; it may have several lines";
                    self.problem(opened, name, message, Some(hint));
                    return None;
                }
                Some(c) if c == quote => break,
                Some('\\') if quote == '"' => match self.next().map(escaped) {
                    Some(Escaped::Is(c)) => value.push(c),
                    Some(Escaped::Nothing) | None => {}
                    Some(Escaped::Unknown) => {
                        let message = "a `\\` stands before n, r, t, \\, \", ' or $".to_owned();
                        let hint = "double it to have one, or use single quotes";
                        self.problem(at, name, message, Some(hint));
                        sound = false;
                    }
                },
                Some(c) => value.push(c),
            }
        }
        self.blanks();
        if !matches!(self.peek(), None | Some('#' | '\n')) {
            let at = self.place();
            let message = "there is more after the closing quote".to_owned();
            self.problem(
                at,
                name,
                message,
                Some("put all of the value in the quotes"),
            );
            sound = false;
        }
        self.skip_line();
        sound.then_some(value)
    }
}

/// What stands behind a backslash.
enum Escaped {
    Is(char),
    /// The end of the line: the value goes on in the next.
    Nothing,
    Unknown,
}

fn escaped(c: char) -> Escaped {
    match c {
        'n' => Escaped::Is('\n'),
        'r' => Escaped::Is('\r'),
        't' => Escaped::Is('\t'),
        '\\' | '"' | '\'' | '$' => Escaped::Is(c),
        '\n' => Escaped::Nothing,
        _ => Escaped::Unknown,
    }
}

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

#[cfg(test)]
mod tests;
