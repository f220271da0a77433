//! A file that arrives, until it is whole.

use std::ffi::{OsStr, OsString};
use std::fs::Permissions;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::NamedTempFile;

/// The longest name that a file may have, in bytes.
const NAME_MAX: usize = 255;
/// Characters of the name that are in that of the temporary file: what is added must fit.
const SHOWN: usize = 32;
/// The rights of a new file, less the umask.
pub const NEW: u32 = 0o666;

/// An empty file beside one that will be called `name`: `.NAME.*.part`, with the rights `mode` less the umask. It vanishes
/// when it is dropped.
///
/// # Errors
/// Those of making one; they speak of the folder or of `name`, and not of the temporary file, of which nobody knows.
pub fn temporary(folder: &Path, name: &OsStr, mode: u32) -> io::Result<NamedTempFile> {
    if name.len() > NAME_MAX {
        return Err(ErrorKind::InvalidFilename.into());
    }
    let mut prefix = OsString::from(".");
    prefix.push(name.to_string_lossy().chars().take(SHOWN).collect::<String>());
    prefix.push(".");
    tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".part")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound => io::Error::new(ErrorKind::NotFound, "there is no such folder"),
            kind @ (ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::StorageFull
            | ErrorKind::NotADirectory
            | ErrorKind::InvalidFilename) => kind.into(),
            _ => error,
        })
}

/// The folder of a file.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests;
