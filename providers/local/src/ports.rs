//! Which TCP ports of this host are taken.

use std::collections::BTreeSet;
use std::fs;
use std::io;

/// `TCP_LISTEN` of the kernel's connection states.
const LISTEN: &str = "0A";

/// Ports that somebody listens on, at whatever address: a port that is free on loopback alone is
/// not worth the doubt.
pub(crate) fn listening() -> io::Result<BTreeSet<u16>> {
    let mut ports = parse(&fs::read_to_string("/proc/net/tcp")?);
    match fs::read_to_string("/proc/net/tcp6") {
        Ok(table) => ports.extend(parse(&table)),
        // A host without IPv6.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(ports)
}

fn parse(table: &str) -> BTreeSet<u16> {
    table
        .lines()
        .filter_map(|line| {
            let mut columns = line.split_ascii_whitespace();
            let (_, port) = columns.nth(1)?.rsplit_once(':')?;
            let port = u16::from_str_radix(port, 16).ok()?;
            (columns.nth(1)? == LISTEN).then_some(port)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listeners_count_in_both_tables() {
        let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:A85B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   1: 0100007F:0050 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0
   2: 00000000000000000000000001000000:0C1C 00000000000000000000000000000000:0000 0A 0:0
";
        assert_eq!(parse(table), BTreeSet::from([43099, 3100]));
    }

    #[test]
    fn a_listener_of_this_process_is_seen() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(listening().unwrap().contains(&port));
    }
}
