//! Backups: making one, looking into one, and putting one back.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Datahub, Ended, Ends, ProgramError};
use crate::role::identifier;

/// The most that is kept of what a program says for itself, in bytes: enough for the list of a
/// backup with many thousand tables.
const WORDS_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How many lines of a program's complaints are handed on.
const COMPLAINT_LINES_MAX: usize = 20;
/// What is printed once everything that was restored is kept.
const RESTORED: &str = "restored";

/// Counts what somebody stored: tables, views and sequences that are neither the server's own nor
/// an extension's.
const COUNT: &str = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')";

/// Restores in one transaction: it is committed only after `pg_restore` has read the backup to its
/// end, so that whatever ends early leaves the database as it was. `$1` clears what the backup
/// brings back.
const RESTORE: &str = r#"{
  printf 'BEGIN;\nSET LOCAL lock_timeout = 30000;\n%s\n' "$1" &&
  pg_restore --file=- --clean --if-exists --exit-on-error &&
  printf 'COMMIT;\n\\echo %s\n' "$4"
} | psql --no-psqlrc --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 \
  --username "$2" --dbname "$3""#;

/// Why a backup could not be made, read or put back.
#[derive(Debug, Error)]
pub enum DatahubError {
    /// The program did not run to its end.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// It ran and said no.
    #[error("{program} failed{}: {said}", exit_words(*.exit_code))]
    Refused {
        /// Which one.
        program: &'static str,
        /// Absent when the engine could not tell.
        exit_code: Option<i64>,
        /// In its own words.
        said: String,
    },
}

fn exit_words(exit_code: Option<i64>) -> String {
    exit_code.map_or_else(String::new, |code| format!(" with exit code {code}"))
}

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// How many things.
    pub entries: usize,
    /// Names of schemas.
    pub schemas: Vec<String>,
}

impl Datahub {
    /// Writes a backup of the whole database, in Postgres's own compressed format, to `output`.
    pub async fn back_up(
        &self,
        output: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<(), DatahubError> {
        let command = [
            "pg_dump",
            "--format=custom",
            "--username",
            &self.superuser,
            "--dbname",
            &self.database,
        ];
        let mut complaints = Words::default();
        let ends = Ends {
            input: &mut tokio::io::empty(),
            output,
            complaints: &mut complaints,
        };
        let ended = self.run(&command, ends).await?;
        succeeded("pg_dump", ended, &complaints)
    }

    /// Reads what is in a backup, as the server's own program sees it.
    pub async fn contents(
        &self,
        backup: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<Contents, DatahubError> {
        let list = self.ask("pg_restore", &["pg_restore", "--list"], backup);
        Ok(parse_list(&list.await?))
    }

    /// How many tables, views and sequences somebody stored.
    pub async fn stored(&self) -> Result<u64, DatahubError> {
        let command = [
            "psql",
            "--no-psqlrc",
            "--no-align",
            "--tuples-only",
            "--username",
            &self.superuser,
            "--dbname",
            &self.database,
            "--command",
            COUNT,
        ];
        let answer = self.ask("psql", &command, &mut tokio::io::empty()).await?;
        let answer = answer.trim();
        answer.parse().map_err(|_| DatahubError::Refused {
            program: "psql",
            exit_code: Some(0),
            said: answer.to_owned(),
        })
    }

    /// Puts a backup back, in one transaction: the schemas that it holds are as they were then,
    /// and others stay as they are.
    pub async fn restore(
        &self,
        backup: &mut (dyn AsyncRead + Send + Unpin),
        contents: &Contents,
    ) -> Result<(), DatahubError> {
        let clear: Vec<String> = contents
            .schemas
            .iter()
            .map(|schema| format!("DROP SCHEMA IF EXISTS {} CASCADE;", identifier(schema)))
            .collect();
        let clear = clear.join("\n");
        let command = [
            "sh",
            "-c",
            RESTORE,
            "restore",
            &clear,
            &self.superuser,
            &self.database,
            RESTORED,
        ];
        let (mut output, mut complaints) = (Words::default(), Words::default());
        let ends = Ends {
            input: backup,
            output: &mut output,
            complaints: &mut complaints,
        };
        let ended = self.run(&command, ends).await?;
        succeeded("pg_restore", ended, &complaints)?;
        // A transaction that nobody committed ends well too.
        if output.text().lines().any(|line| line == RESTORED) {
            return Ok(());
        }
        Err(refused("pg_restore", None, &complaints))
    }

    async fn ask(
        &self,
        program: &'static str,
        command: &[&str],
        input: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<String, DatahubError> {
        let (mut output, mut complaints) = (Words::default(), Words::default());
        let ends = Ends {
            input,
            output: &mut output,
            complaints: &mut complaints,
        };
        let ended = self.run(command, ends).await?;
        succeeded(program, ended, &complaints)?;
        Ok(output.text())
    }
}

fn succeeded(program: &'static str, ended: Ended, complaints: &Words) -> Result<(), DatahubError> {
    if ended.is_success() {
        return Ok(());
    }
    Err(refused(program, ended.exit_code, complaints))
}

fn refused(program: &'static str, exit_code: Option<i64>, complaints: &Words) -> DatahubError {
    let text = complaints.text();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("NOTICE:"))
        .take(COMPLAINT_LINES_MAX)
        .collect();
    DatahubError::Refused {
        program,
        exit_code,
        said: if lines.is_empty() {
            "it does not say why".to_owned()
        } else {
            lines.join("\n")
        },
    }
}

/// Lines such as `7; 2615 16390 SCHEMA - agent_ada agent_ada`; comments begin with `;`.
fn parse_list(list: &str) -> Contents {
    let entries: Vec<&str> = list
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with(';'))
        .collect();
    let schemas = entries.iter().filter_map(|line| schema(line));
    Contents {
        entries: entries.len(),
        schemas: schemas.map(str::to_owned).collect(),
    }
}

/// The schema that an entry is. What it is stands right behind its three numbers: further on are
/// names, and whoever may make a table can call it ` SCHEMA - `.
fn schema(entry: &str) -> Option<&str> {
    let (id, rest) = entry.split_once("; ")?;
    let mut words = rest.splitn(3, ' ');
    let numbers = [id, words.next()?, words.next()?];
    let is_number = |word: &&str| word.parse::<u32>().is_ok();
    let rest = words.next()?.strip_prefix("SCHEMA - ")?;
    // The owner is the last word; names with blanks are none of ours, and stay as they are.
    let (name, owner) = rest.split_once(' ')?;
    let is_ours = !name.is_empty() && name != "public" && !owner.contains(' ');
    (is_ours && numbers.iter().all(is_number)).then_some(name)
}

/// What a program says, up to a bound.
#[derive(Default)]
struct Words(Vec<u8>);

impl Words {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl AsyncWrite for Words {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let room = WORDS_BYTES_MAX.saturating_sub(self.0.len());
        self.0.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::fuzz;

    #[test]
    fn schemas_are_read_from_a_list() {
        let list = ";\n; Archive created at 2026-01-01\n;\n\
            7; 2615 16390 SCHEMA - agent_ada agent_ada\n\
            3500; 0 0 ACL - SCHEMA agent_ada agent_ada\n\
            8; 2615 2200 SCHEMA - public pg_database_owner\n\
            219; 1259 16392 TABLE agent_ada note agent_ada\n\
            220; 1259 16393 TABLE agent_ada a SCHEMA - agent_bob agent_ada\n";
        assert_eq!(
            parse_list(list),
            Contents {
                entries: 5,
                schemas: vec!["agent_ada".to_owned()],
            }
        );
    }

    #[test]
    fn fuzz_a_list_has_no_schema_that_it_does_not_say_it_has() {
        let words = [
            "\n7; 2615 16390 ",
            "SCHEMA - ",
            " agent_ada",
            "; ",
            "public ",
            "TABLE ",
        ];
        fuzz("list", &words, |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let Contents { entries, schemas } = parse_list(&text);
            assert!(schemas.len() <= entries && entries <= text.lines().count());
            for name in &schemas {
                let says_so = |line: &str| {
                    let said = line.split_once(&format!(" SCHEMA - {name} "));
                    said.is_some_and(|(numbers, _)| {
                        !numbers.contains(|c: char| !"0123456789; +".contains(c))
                    })
                };
                assert!(text.lines().any(says_so), "{name} in {text}");
                assert!(!name.is_empty() && name != "public", "{text}");
            }
        });
    }
}
