//! `starling export`: writes what the deployment holds about one person into a folder, as JSON files he can read.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{BufWriter, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;
use futures_util::StreamExt as _;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Failure, block_on, stores};
use crate::config::Config;
use crate::model::file::FileInfo;
use crate::model::ids::{UserId, parse_id};
use crate::model::user::{LoginName, User};
use crate::service::export::{Export as Data, Pages};
use crate::service::files::Files;
use crate::store::Stores;

/// Who may read what is written: it is a person's.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

#[derive(Args, Debug)]
pub(super) struct Export {
    /// Whose data: the account's name or id
    #[arg(long, value_name = "NAME|ID")]
    user: String,
    /// Folder to write to: a new or an empty one
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
}

impl Export {
    pub(super) fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        block_on(async {
            let stores = stores::open(config).await?;
            let user = meant(&stores, &self.user).await?;
            let files = crate::node::files::for_reading(config, &stores);
            let files = files.map_err(Failure::Runtime)?;
            let data = Data::new(stores, user.id).await?;
            prepare(&self.to)?;
            let entries = write_all(&self.to, &data, &files).await?;
            writeln!(
                out,
                "{} ({}) is exported to {}: {entries} entries",
                user.name,
                user.id,
                self.to.display()
            )?;
            Ok(())
        })
    }
}

/// The account that is meant by a name or an id. A name of digits may be another's id: then neither is guessed.
async fn meant(stores: &Stores, wanted: &str) -> Result<User, Failure> {
    let by_name = LoginName::Name(wanted.to_owned());
    let by_name = stores.users.credentials(&by_name).await?;
    let by_name = by_name.map(|(user, _)| user);
    let by_id = match parse_id(wanted) {
        Ok(id) => stores.users.user(UserId(id)).await?,
        Err(_) => None,
    };
    match (by_name, by_id) {
        (Some(named), Some(numbered)) if named.id != numbered.id => Err(Failure::Usage(anyhow!(
            "{wanted} is the name of account {} and the id of {}: give the id of the one or the name of the other",
            named.id,
            numbered.name
        ))),
        (Some(user), _) | (None, Some(user)) => Ok(user),
        (None, None) => Err(Failure::Runtime(anyhow!(
            "there is no account with the name or id {wanted}"
        ))),
    }
}

/// Makes the folder, or takes an empty one.
fn prepare(folder: &Path) -> Result<(), Failure> {
    let said = || format!("cannot write to {}", folder.display());
    match fs::read_dir(folder) {
        Ok(mut inside) => {
            if inside.next().is_some() {
                let full = anyhow!("{} is not empty: name another folder", folder.display());
                return Err(Failure::Usage(full));
            }
            fs::set_permissions(folder, Permissions::from_mode(FOLDER_MODE))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => make_folder(folder),
        Err(error) => Err(error),
    }
    .with_context(said)
    .map_err(Failure::Usage)
}

fn make_folder(folder: &Path) -> std::io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(folder)
}

fn create(folder: &Path, name: &str) -> Result<BufWriter<File>, Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(FILE_MODE);
    let file = options
        .open(folder.join(name))
        .with_context(|| format!("cannot write {name}"))
        .map_err(Failure::Runtime)?;
    Ok(BufWriter::new(file))
}

fn write(folder: &Path, name: &str, value: &impl Serialize) -> Result<(), Failure> {
    let mut file = create(folder, name)?;
    json_line(&mut file, value)?;
    Ok(file.flush()?)
}

fn json_line(out: &mut impl Write, value: &impl Serialize) -> Result<(), Failure> {
    serde_json::to_writer(&mut *out, value).map_err(|error| Failure::Runtime(error.into()))?;
    Ok(writeln!(out)?)
}

/// Writes all files and returns how many entries are in them.
async fn write_all(folder: &Path, data: &Data, files: &Files) -> Result<u64, Failure> {
    write(folder, "profile.json", &data.profile())?;
    write(folder, "sessions.json", &data.sessions().await?)?;
    write(folder, "friends.json", &data.friends().await?)?;
    write(folder, "groups.json", &data.groups().await?)?;
    let uploads = uploads(&folder.join("files"), data, files).await?;
    write(folder, "files.json", &uploads)?;
    let messages = folder.join("messages");
    make_folder(&messages)?;
    let mut list = Vec::new();
    let mut entries = 0;
    for (address, settings, pages) in data.conversations().await? {
        // A colon in a name of a file is a nuisance elsewhere.
        let name = format!("{}.json", address.to_string().replace(':', "-"));
        entries += conversation(&messages, &name, data, pages).await?;
        let mut settings = settings;
        settings["file"] = json!(format!("messages/{name}"));
        list.push(settings);
    }
    write(folder, "conversations.json", &list)?;
    // Last: an export without it is not whole.
    write(folder, "export.json", &data.about())?;
    Ok(entries)
}

/// Writes the bytes of all uploads, each below its id, and lists them. What cannot be had is listed without a place.
async fn uploads(folder: &Path, data: &Data, files: &Files) -> Result<Vec<Value>, Failure> {
    make_folder(folder)?;
    let mut list = Vec::new();
    let mut after = None;
    loop {
        let page = data.files(after).await?;
        let Some(last) = page.last() else {
            return Ok(list);
        };
        after = Some(last.id);
        for file in &page {
            let path = format!("files/{}/{}", file.id, file.name);
            let written = upload(&folder.join(file.id.to_string()), file, files).await?;
            list.push(json!({
                "id": file.id, "name": file.name, "mime": file.mime, "size": file.size,
                "sha256": file.digest.to_string(), "at": file.at,
                "file": written.then_some(path),
            }));
        }
    }
}

/// Whether its bytes could be had and are written.
async fn upload(folder: &Path, file: &FileInfo, files: &Files) -> Result<bool, Failure> {
    let Ok(opened) = files.open(file.owner, file.id, false).await else {
        return Ok(false);
    };
    let Ok(mut pieces) = files.read(&opened, None).await else {
        return Ok(false);
    };
    make_folder(folder)?;
    let mut out = create(folder, &file.name)?;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| Failure::Runtime(error.into()))?;
        out.write_all(&piece)?;
    }
    out.flush()?;
    Ok(true)
}

/// Writes a conversation's entries as one JSON list, a page at a time.
async fn conversation(
    folder: &Path,
    name: &str,
    data: &Data,
    mut pages: Pages,
) -> Result<u64, Failure> {
    let mut file = create(folder, name)?;
    let mut entries = 0;
    write!(file, "[")?;
    loop {
        let page = data.page(&mut pages).await?;
        if page.is_empty() {
            break;
        }
        for view in page.iter().filter_map(|entry| data.view(entry)) {
            writeln!(file, "{}", if entries == 0 { "" } else { "," })?;
            serde_json::to_writer(&mut file, &view)
                .map_err(|error| Failure::Runtime(error.into()))?;
            entries += 1;
        }
    }
    writeln!(file, "\n]")?;
    file.flush()?;
    Ok(entries)
}
