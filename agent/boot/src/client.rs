//! `health` and `connect`: what other processes of the machine use to reach the agent. Plain
//! blocking code, so that a check every few seconds costs next to nothing.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rivetos_protocol::{HealthReport, check_handshake, operator_handshake};
use rivetos_types::secret::SecretResolver;

use crate::error::BootError;
use crate::setup::Setup;

/// How long the agent may take to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(5);

/// The most that is read of a health report, in bytes.
const REPORT_BYTES_MAX: u64 = 64 * 1024;

/// Succeeds when the agent is ready.
pub(crate) fn health(config: &Path) -> Result<(), BootError> {
    let address = Setup::read(config, Arc::default())?.own_address();
    let failed = |source| BootError::Unreachable { address, source };
    let answer = ask_health(address).map_err(failed)?;
    if answer.starts_with("HTTP/1.1 200 ") {
        return Ok(());
    }
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let report = match serde_json::from_str::<HealthReport>(body) {
        Ok(report) => report.reason,
        Err(_) => answer
            .lines()
            .next()
            .unwrap_or("it answers nothing")
            .to_owned(),
    };
    Err(BootError::NotReady { address, report })
}

fn ask_health(address: SocketAddr) -> io::Result<String> {
    let mut stream = open(address)?;
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(REPORT_BYTES_MAX).read_to_string(&mut answer)?;
    Ok(answer)
}

/// Copies between standard input and output and the agent, as the operator.
pub(crate) fn connect(config: &Path) -> Result<(), BootError> {
    let setup = Setup::read(config, Arc::default())?;
    let address = setup.own_address();
    let failed = |source| BootError::Unreachable { address, source };
    let token = setup
        .secrets
        .resolve(&setup.token)
        .map_err(BootError::Token)?;
    let mut stream = open(address).map_err(failed)?;
    stream
        .write_all(operator_handshake(token.expose()).as_bytes())
        .map_err(failed)?;
    let rest = await_handshake(&mut stream, address)?;
    stream.set_read_timeout(None).map_err(failed)?;
    let mut up = stream.try_clone().map_err(failed)?;
    std::thread::spawn(move || {
        // Whatever ends the input, the agent learns that nothing more comes.
        let _ = io::copy(&mut io::stdin().lock(), &mut up);
        let _ = up.shutdown(Shutdown::Write);
    });
    copy_down(&rest, &mut stream).map_err(BootError::Output)
}

fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, ANSWER_WAIT)?;
    stream.set_read_timeout(Some(ANSWER_WAIT))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Returns what came after the answer.
fn await_handshake(stream: &mut TcpStream, address: SocketAddr) -> Result<Vec<u8>, BootError> {
    let mut received = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let count = match stream.read(&mut buffer) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            other => other,
        };
        let count = count.map_err(|source| BootError::Unreachable { address, source })?;
        received.extend_from_slice(&buffer[..count]);
        let end = check_handshake(&received)
            .map_err(|source| BootError::Handshake { address, source })?;
        if let Some(end) = end {
            return Ok(received.split_off(end));
        }
    }
}

/// Every piece is passed on at once: a person waits for it.
fn copy_down(first: &[u8], stream: &mut TcpStream) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(first)?;
    output.flush()?;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = match stream.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // However the connection ends, there is nothing more to copy.
            Ok(0) | Err(_) => return Ok(()),
            Ok(count) => count,
        };
        output.write_all(&buffer[..count])?;
        output.flush()?;
    }
}
