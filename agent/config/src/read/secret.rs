//! References to secrets.

use rivetos_types::secret::SecretRef;

use crate::environment::sole_variable;
use crate::node::Value;

use super::field::Field;
use super::reader::Reader;
use super::section::Section;

impl Field<'_> {
    /// A secret: `${NAME}` with nothing around it, or `{file: PATH}`. What is written literally
    /// is neither accepted nor shown.
    pub(super) fn secret(&self, reader: &mut Reader<'_>) -> Option<SecretRef> {
        if let Value::Map(_) = self.node.value {
            let mut section = Section::open(reader, self)?;
            let file = section
                .required(reader, "file")
                .and_then(|f| f.file_path(reader));
            section.finish(reader);
            return file.map(SecretRef::File);
        }
        let variable = match &self.node.value {
            Value::Text(written) => sole_variable(written),
            Value::Null
            | Value::Bool(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::List
            | Value::Map(_) => None,
        };
        let Some(variable) = variable else {
            let hint = "export it as a variable and write `${NAME}`, with nothing around it, or \
                        write `{file: PATH}`";
            let message = "a secret is not written into this file";
            self.problem(reader, message, Some(hint.to_owned()));
            return None;
        };
        let secret = Some(SecretRef::Env(variable.to_owned()));
        if !reader.needs_secrets() {
            return secret;
        }
        let message = match reader.variable(variable) {
            Some(value) if !value.is_empty() => return secret,
            Some(_) => format!("the environment variable `{variable}` is empty"),
            None => format!("the environment variable `{variable}` is not set"),
        };
        self.problem(reader, message, Some(format!("export {variable}=…")));
        None
    }
}
