//! The workspace's first files.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

/// What an agent starts with that was given nothing.
const TEMPLATES: [(&str, &str); 4] = [
    (
        "CORE.md",
        include_str!("../../../templates/workspace/CORE.md"),
    ),
    (
        "USER.md",
        include_str!("../../../templates/workspace/USER.md"),
    ),
    (
        "WORKSPACE.md",
        include_str!("../../../templates/workspace/WORKSPACE.md"),
    ),
    (
        "MEMORY.md",
        include_str!("../../../templates/workspace/MEMORY.md"),
    ),
];

/// Makes the workspace, and fills in what is missing: first what was delivered beside the
/// configuration, then the templates. What is there is never touched.
pub(crate) fn seed(workspace: &Path, delivered: &Path) -> io::Result<()> {
    std::fs::create_dir_all(workspace)?;
    let entries = match std::fs::read_dir(delivered) {
        Ok(entries) => Some(entries),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    for entry in entries.into_iter().flatten() {
        let entry = entry?;
        let name = entry.file_name();
        if Path::new(&name)
            .extension()
            .is_some_and(|extension| extension == "md")
        {
            let target = workspace.join(&name);
            if !target.exists() {
                write_new(&target, &std::fs::read(entry.path())?)?;
            }
        }
    }
    TEMPLATES.iter().try_for_each(|(name, text)| {
        let target = workspace.join(name);
        if target.exists() {
            Ok(())
        } else {
            write_new(&target, text.as_bytes())
        }
    })
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(mut file) => file.write_all(content),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_never_touched() {
        let folder = tempfile::tempdir().unwrap();
        let (workspace, delivered) = (folder.path().join("w/x"), folder.path().join("d"));
        std::fs::create_dir_all(&workspace).unwrap();
        std::fs::create_dir_all(&delivered).unwrap();
        std::fs::write(workspace.join("USER.md"), "mine").unwrap();
        for name in ["USER.md", "CORE.md", "NOTES.md", "other.txt"] {
            std::fs::write(delivered.join(name), "given").unwrap();
        }
        seed(&workspace, &delivered).unwrap();
        seed(&workspace, &delivered).unwrap();
        let read = |name: &str| std::fs::read_to_string(workspace.join(name)).unwrap();
        assert_eq!(
            (read("USER.md"), read("CORE.md")),
            ("mine".into(), "given".into())
        );
        assert_eq!(read("NOTES.md"), "given");
        assert_eq!(read("MEMORY.md"), TEMPLATES[3].1);
        assert!(!workspace.join("other.txt").exists());
    }
}
