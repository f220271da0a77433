//! Where received files go: into one folder, and under their names only when they are whole.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use glasstcp::client::tasks::Task;
use glasstcp::client::temporary::{NEW, temporary};
use nix::sys::statvfs::fstatvfs;
use tempfile::NamedTempFile;
use tokio::fs::File;

/// A folder for files.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
}

/// A file that is being received; it vanishes if it is not finished.
#[derive(Debug)]
pub struct Unfinished {
    temporary: NamedTempFile,
    place: PathBuf,
    file: File,
}

impl Store {
    /// Takes `folder` for the files among `tasks`, of which no two may want the same place.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub fn open(folder: PathBuf, tasks: &[Task]) -> anyhow::Result<Store> {
        let mut places = BTreeMap::new();
        for task in tasks {
            let Task::File(name) = task else {
                continue;
            };
            let base = base(name)?;
            let first = *places.entry(base).or_insert(name);
            ensure!(
                first == name,
                "--file {first} and --file {name} would both become {base}: fetch them into two folders (-o)"
            );
        }
        if !places.is_empty() {
            let place = folder.display();
            let what = || format!("cannot store files in {place}: give -o a folder that exists");
            ensure!(
                std::fs::metadata(&folder).with_context(what)?.is_dir(),
                "cannot store files in {place}: it is not a folder; give -o one"
            );
        }
        Ok(Store { folder })
    }

    /// Begins the file that `name` becomes.
    ///
    /// # Errors
    /// A sentence.
    pub fn begin(&self, name: &str) -> anyhow::Result<Unfinished> {
        let base = base(name)?;
        let what = || format!("cannot store {base} in {}", self.folder.display());
        let temporary = temporary(&self.folder, base.as_ref(), NEW).with_context(what)?;
        let file = File::from_std(temporary.as_file().try_clone().with_context(what)?);
        Ok(Unfinished { temporary, place: self.folder.join(base), file })
    }
}

impl Unfinished {
    /// Gives it its name, over whatever had it before.
    ///
    /// # Errors
    /// A sentence.
    pub async fn finish(self) -> anyhow::Result<PathBuf> {
        // First the text, then the name: the other way round the power might fail between them.
        let synced = self.file.sync_data().await;
        synced.with_context(|| format!("cannot store {}", self.place.display()))?;
        let renamed = self.temporary.persist(&self.place);
        renamed.map_err(|error| error.error).with_context(|| {
            format!("cannot store {}: something is in the way", self.place.display())
        })?;
        Ok(self.place)
    }

    /// Where its bytes go, and what tells before the first of them whether there is room for so many.
    pub fn sink(&mut self) -> (impl Fn(u64) -> io::Result<()> + '_, &mut File) {
        let Unfinished { temporary, file, .. } = self;
        let room = |len| {
            let disk = fstatvfs(temporary.as_file())?;
            let free = disk.blocks_available().saturating_mul(disk.fragment_size());
            match len > free {
                true => Err(io::ErrorKind::StorageFull.into()),
                false => Ok(()),
            }
        };
        (room, file)
    }

    /// Why its bytes cannot be kept.
    pub fn explain(&self, error: &io::Error) -> String {
        let place = self.place.display();
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                format!("the disk is full, or has no room for so much: {place} is not stored")
            }
            _ => format!("cannot store {place}: {error}"),
        }
    }
}

/// The last part of a path, under which it is stored.
fn base(name: &str) -> anyhow::Result<&str> {
    let base = Path::new(name).file_name().and_then(|base| base.to_str());
    match base {
        Some(base) if !name.ends_with('/') => Ok(base),
        _ => bail!("'{name}' is not the name of a file: write it as notes.txt or folder/notes.txt"),
    }
}
