//! What the engine's builder gets.

use std::io;

use super::ImageVariant;

const SLIM: &str = include_str!("../../../../templates/docker/agent.Dockerfile");
const SCRATCH: &str = include_str!("../../../../templates/docker/agent-scratch.Dockerfile");

/// The CA certificates of this host, where most distributions keep them.
const CA_CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The user that the agent runs as.
const PASSWD: &str = "rivetos:x:1000:1000::/var/lib/rivetos:/sbin/nologin\n";

const INTERVAL: &str = "--interval=10s";
/// Newer engines look often until the agent is up for the first time.
const INTERVALS: &str = "--interval=10s --start-period=30s --start-interval=1s";

/// The build context as a tar archive. The same input gives the same bytes.
pub(super) fn pack(
    program: &[u8],
    variant: ImageVariant,
    knows_start_interval: bool,
) -> io::Result<Vec<u8>> {
    let template = match variant {
        ImageVariant::Slim => SLIM,
        ImageVariant::Scratch => SCRATCH,
    };
    let dockerfile = if knows_start_interval {
        template.replace(INTERVAL, INTERVALS)
    } else {
        template.to_owned()
    };
    let mut context = Context(tar::Builder::new(Vec::new()));
    context.file("Dockerfile", 0o644, dockerfile.as_bytes())?;
    match variant {
        ImageVariant::Slim => context.file("rivetos-agent", 0o755, program)?,
        ImageVariant::Scratch => {
            context.file("root/usr/local/bin/rivetos-agent", 0o755, program)?;
            context.file("root/etc/passwd", 0o644, PASSWD.as_bytes())?;
            if let Ok(certificates) = std::fs::read(CA_CERTIFICATES) {
                context.file(&format!("root{CA_CERTIFICATES}"), 0o644, &certificates)?;
            }
            context.folder("root/tmp/", 0o1777)?;
            context.folder("data/", 0o750)?;
        }
    }
    context.0.into_inner()
}

struct Context(tar::Builder<Vec<u8>>);

impl Context {
    fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        self.0.append_data(&mut header, path, content)
    }

    fn folder(&mut self, path: &str, mode: u32) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(mode);
        header.set_size(0);
        self.0.append_data(&mut header, path, io::empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_engines_look_more_often_at_first() {
        for variant in [ImageVariant::Slim, ImageVariant::Scratch] {
            let find = |known| {
                let context = pack(b"program", variant, known).unwrap();
                let text = String::from_utf8_lossy(&context).into_owned();
                text.contains("--start-interval=1s")
            };
            assert!(find(true));
            assert!(!find(false));
        }
    }
}
