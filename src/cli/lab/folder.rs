//! The folder of a lab: what is in it and was not written by a lab is left alone.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::cli::plot;

/// Which files a lab has written here, a line each.
const LIST: &str = ".glasstcp-lab";

/// A folder that a lab may write to.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Those of an earlier time, which may be replaced.
    ours: BTreeSet<String>,
    written: Vec<String>,
}

impl Folder {
    /// A folder that is new or empty, or that a lab has written to before; made when it is missing.
    ///
    /// # Errors
    /// When it has files of somebody else and none of a lab, or cannot be made.
    pub fn open(path: &Path) -> anyhow::Result<Folder> {
        let name = path.display();
        let cannot = || format!("cannot use the folder {name}");
        let ours = match fs::read_dir(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fs::create_dir_all(path)
                    .with_context(|| format!("cannot make the folder {name}"))?;
                BTreeSet::new()
            }
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                bail!("{name} is a file: choose a folder with --out")
            }
            Err(error) => return Err(error).with_context(cannot),
            Ok(mut entries) => match fs::read_to_string(path.join(LIST)) {
                Ok(list) => list.lines().map(str::to_owned).collect(),
                Err(_) if entries.next().is_none() => BTreeSet::new(),
                Err(_) => bail!(
                    "{name} has files that no lab has written: choose another folder with --out, or empty it"
                ),
            },
        };
        Ok(Folder { path: path.to_owned(), ours, written: Vec::new() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was written.
    pub fn written(&self) -> &[String] {
        &self.written
    }

    /// Writes a file, or replaces the one that a lab has written.
    ///
    /// # Errors
    /// When there is one of somebody else, or it cannot be written.
    pub fn write(&mut self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.path.join(name);
        if !self.ours.contains(name) && fs::symlink_metadata(&path).is_ok() {
            bail!("{} was not written by a lab: choose another folder with --out", path.display());
        }
        // It says whose the file is before there is one.
        self.ours.insert(name.to_owned());
        self.note()?;
        plot::write(&path, bytes)?;
        self.written.push(name.to_owned());
        Ok(())
    }

    /// Takes away what an earlier time has written and this one has not.
    ///
    /// # Errors
    /// When that cannot be done.
    pub fn finish(&mut self) -> anyhow::Result<()> {
        let old: Vec<String> =
            self.ours.iter().filter(|name| !self.written.contains(name)).cloned().collect();
        for name in old {
            let path = self.path.join(&name);
            // A list may say anything: only what lies in the folder itself.
            if Path::new(&name).components().count() == 1 && path.is_file() {
                fs::remove_file(&path)
                    .with_context(|| format!("cannot remove {}", path.display()))?;
            }
            self.ours.remove(&name);
        }
        self.note()
    }

    fn note(&self) -> anyhow::Result<()> {
        let list: String = self.ours.iter().map(|name| format!("{name}\n")).collect();
        plot::write(&self.path.join(LIST), list.as_bytes())
    }
}

#[cfg(test)]
mod tests;
