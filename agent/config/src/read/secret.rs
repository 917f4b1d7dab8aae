//! References to secrets.

use rivetos_types::secret::SecretRef;

use crate::environment::{Sole, sole_variable};
use crate::node::Value;

use super::field::Field;
use super::reader::Reader;
use super::section::Section;

/// How a secret is best given.
const ADVICE: &str = "export it as a variable and write `${NAME}`, or write `{file: PATH}`";

impl Field<'_> {
    /// A secret: `${NAME}` with nothing around it, or `{file: PATH}`. What is written literally
    /// is warned of, kept apart and never shown.
    pub(super) fn secret(&self, reader: &mut Reader<'_>) -> Option<SecretRef> {
        if let Value::Map(_) = self.node.value {
            let mut section = Section::open(reader, self)?;
            let file = section
                .required(reader, "file")
                .and_then(|f| f.file_path(reader));
            section.finish(reader);
            return file.map(SecretRef::File);
        }
        let Value::Text(written) = &self.node.value else {
            // Whatever it is, it may be the secret, so it is not shown.
            self.problem(reader, "a secret is a text", Some(ADVICE.to_owned()));
            return None;
        };
        match sole_variable(written) {
            Some(variable) => self.secret_of_variable(reader, written, &variable),
            None => self.written_secret(reader, written),
        }
    }

    fn secret_of_variable(
        &self,
        reader: &mut Reader<'_>,
        written: &str,
        Sole { name, default }: &Sole<'_>,
    ) -> Option<SecretRef> {
        let value = reader.variable(name).filter(|value| !value.is_empty());
        if let (None, Some(default)) = (&value, default) {
            return self.written_secret(reader, default);
        }
        if value.is_none() && reader.needs_secrets() {
            let message = reader
                .unresolved(written)
                .unwrap_or_else(|| format!("the environment variable `{name}` is empty"));
            self.problem(reader, message, Some(format!("export {name}=…")));
            return None;
        }
        Some(SecretRef::Env((*name).to_owned()))
    }

    /// Nothing but literal text: what is put together from variables would not be rotated with
    /// them.
    fn written_secret(&self, reader: &mut Reader<'_>, written: &str) -> Option<SecretRef> {
        let text = written.replace("$$", "");
        if text.contains('$') {
            let message = "a secret is one variable with nothing around it";
            self.problem(reader, message, Some(ADVICE.to_owned()));
            return None;
        }
        if written.is_empty() {
            self.problem(reader, "this secret is empty", Some(ADVICE.to_owned()));
            return None;
        }
        let message = "a secret is written into this file".to_owned();
        reader.warning(self.node.at, &self.path, message, ADVICE.to_owned());
        Some(reader.keep(&self.path, &written.replace("$$", "$")))
    }
}
