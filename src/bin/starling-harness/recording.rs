//! What one run heard on its bus, for another to repeat: the datagrams, and the key and name they were sealed with.
//!
//! A later run whose nodes have that key can only tell by themselves that these datagrams are of the past.

use std::path::Path;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default)]
pub(crate) struct Recording {
    pub(crate) bus: Bus,
    pub(crate) datagrams: Vec<Vec<u8>>,
}

/// What makes a bus a cluster's own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bus {
    pub(crate) name: String,
    pub(crate) key: String,
}

impl Bus {
    pub(crate) fn draw(port: u16, rng: &mut fastrand::Rng) -> Bus {
        let key: [u8; 32] = std::array::from_fn(|_| rng.u8(..));
        Bus {
            name: format!("harness-{port}"),
            key: format!("1:{}", URL_SAFE_NO_PAD.encode(key)),
        }
    }
}

/// As it is in a file: datagrams in base64.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    key: String,
    datagrams: Vec<String>,
}

impl Recording {
    pub(crate) fn read(path: &Path) -> anyhow::Result<Recording> {
        let named = || path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(named)?;
        let written: Written = serde_json::from_str(&text).with_context(named)?;
        let datagrams = written.datagrams.iter();
        let datagrams = datagrams.map(|datagram| URL_SAFE_NO_PAD.decode(datagram));
        let recording = Recording {
            bus: Bus {
                name: written.name,
                key: written.key,
            },
            datagrams: datagrams.collect::<Result<_, _>>().with_context(named)?,
        };
        anyhow::ensure!(
            !recording.datagrams.is_empty(),
            "{}: nothing was heard",
            path.display()
        );
        Ok(recording)
    }

    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let datagrams = self.datagrams.iter();
        let written = Written {
            name: self.bus.name.clone(),
            key: self.bus.key.clone(),
            datagrams: datagrams
                .map(|datagram| URL_SAFE_NO_PAD.encode(datagram))
                .collect(),
        };
        std::fs::write(path, serde_json::to_vec(&written)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again_and_nothing_heard_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heard.json");
        let mut recording = Recording {
            bus: Bus {
                name: "flock".to_owned(),
                key: "1:AAAA".to_owned(),
            },
            datagrams: vec![vec![0, 255, 7], Vec::new()],
        };
        recording.write(&path).unwrap();
        let read = Recording::read(&path).unwrap();
        assert_eq!(read.datagrams, recording.datagrams);
        assert_eq!(
            (read.bus.name, read.bus.key),
            ("flock".to_owned(), "1:AAAA".to_owned())
        );
        recording.datagrams.clear();
        recording.write(&path).unwrap();
        assert!(Recording::read(&path).is_err());
    }
}
