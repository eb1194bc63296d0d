//! What the server must be and should be: its version, its limits, and whether a commit survives a power cut.

use std::collections::BTreeMap;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tracing::warn;

use super::fault::Fault;
use super::refusal::{OpenError, Server};
use super::session::Flavour;

/// Most bytes handed over in one call.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// A batch may take this part of the largest packet: escaping and other entries of the protocol come on top.
const PACKET_SHARE: usize = 4;

/// How many bytes of drafts go in one call.
pub(super) fn batch_bytes(packet_bytes: usize) -> usize {
    BATCH_BYTES_MAX.min(packet_bytes / PACKET_SHARE)
}

/// Refuses a server that cannot be used, warns of one that should be set otherwise, and returns its largest packet.
pub(super) async fn check(connection: &mut Conn, server: &Server) -> Result<usize, OpenError> {
    let words = |error: mysql_async::Error| server.explain(&Fault::from(error));
    let version: Option<String> = connection
        .query_first("SELECT version()")
        .await
        .map_err(words)?;
    let version = version.unwrap_or_default();
    if is_too_old(&version) {
        return Err(OpenError::TooOld {
            server: server.address.clone(),
            version,
        });
    }
    let rows: Vec<(String, String)> = connection
        .query(
            "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('max_allowed_packet', 'read_only', 'super_read_only',
                 'innodb_read_only', 'innodb_flush_log_at_trx_commit', 'sync_binlog', 'log_bin', 'binlog_format',
                 'innodb_doublewrite')",
        )
        .await
        .map_err(words)?;
    let settings: BTreeMap<String, String> = rows
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_ascii_uppercase()))
        .collect();
    let is = |name: &str, value: &str| settings.get(name).is_some_and(|found| found == value);
    if is("read_only", "ON") || is("super_read_only", "ON") || is("innodb_read_only", "ON") {
        return Err(OpenError::ReadOnly(server.address.clone()));
    }
    if is("log_bin", "ON") && is("binlog_format", "STATEMENT") {
        return Err(OpenError::StatementLog {
            server: server.address.clone(),
        });
    }
    warn_of_loss(&is);
    let packet = settings.get("max_allowed_packet");
    let found = packet.and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
    let needed = PACKET_SHARE * BATCH_BYTES_MAX;
    if found < needed {
        return Err(OpenError::PacketTooSmall {
            server: server.address.clone(),
            found,
            needed,
        });
    }
    Ok(found)
}

fn warn_of_loss(is: &dyn Fn(&str, &str) -> bool) {
    let mut weak = Vec::new();
    if !is("innodb_flush_log_at_trx_commit", "1") {
        weak.push("innodb_flush_log_at_trx_commit is not 1");
    }
    if is("log_bin", "ON") && !is("sync_binlog", "1") {
        weak.push("sync_binlog is not 1");
    }
    if is("innodb_doublewrite", "OFF") {
        weak.push("innodb_doublewrite is off");
    }
    for setting in weak {
        warn!(
            setting,
            "the database server is set so that a power cut could take back an acknowledged message"
        );
    }
}

fn is_too_old(version: &str) -> bool {
    let numbers: Vec<u32> = version
        .split(|letter: char| !letter.is_ascii_digit())
        .map_while(|digits| digits.parse().ok())
        .take(3)
        .collect();
    let least: &[u32] = match Flavour::of(version) {
        Flavour::MariaDb => &[10, 6, 0],
        Flavour::MySql => &[8, 0, 19],
    };
    numbers.as_slice() < least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_are_told_from_new_ones() {
        for version in [
            "10.5.29-MariaDB",
            "5.5.68-MariaDB",
            "8.0.18",
            "5.7.44-log",
            "",
        ] {
            assert!(is_too_old(version), "{version}");
        }
        for version in [
            "10.6.0-MariaDB",
            "10.11.19-MariaDB-0+deb12u1",
            "11.4.2-MariaDB",
            "8.0.19",
            "8.4.3",
            "9.1.0-cloud",
        ] {
            assert!(!is_too_old(version), "{version}");
        }
    }

    #[test]
    fn a_batch_is_a_quarter_of_a_packet_and_a_mebibyte_at_most() {
        assert_eq!(batch_bytes(1 << 20), 1 << 18);
        assert_eq!(batch_bytes(64 << 20), 1 << 20);
    }
}
