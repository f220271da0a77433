//! Files to transfer.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::{Dice, Tool};

/// Size of a large transfer in MiB: a GiB, unless `GLASSTCP_BULK_MIB` says otherwise.
pub fn bulk_mib() -> usize {
    std::env::var("GLASSTCP_BULK_MIB")
        .map_or(1024, |value| value.parse().expect("GLASSTCP_BULK_MIB is a whole number of MiB"))
}

/// Writes `kib` KiB in which no two places look alike.
pub fn write_pattern(path: &Path, kib: usize) {
    let mut dice = Dice::new(kib as u64);
    let mut file = BufWriter::new(File::create(path).expect("the folder is writable"));
    for _ in 0..kib {
        file.write_all(&dice.bytes(1024)).expect("there is room on the disk");
    }
    file.flush().expect("there is room on the disk");
}

/// The SHA-256 of a file, as `sha256sum` prints it.
pub fn sha256(path: &Path) -> String {
    let sum = Tool::new("sha256sum").args([path]).finish();
    sum.assert_success();
    first_word(&sum.text())
}

/// The first word of a text: the sum in the output of `sha256sum`.
pub fn first_word(text: &str) -> String {
    text.split_whitespace().next().unwrap_or_default().to_owned()
}
