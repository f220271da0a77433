//! The fuzz targets of `fuzz/` without a fuzzer: each runs on every input that was kept for it, and on
//! some random ones, the same each time.
//!
//! `fuzz/seeds/TARGET` holds inputs that reach much of the code, `fuzz/found/TARGET` those that once
//! found something.

use std::fs;
use std::path::Path;

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

#[path = "../fuzz/src/lib.rs"]
mod targets;

/// Random inputs a target.
const RANDOM: usize = 200;
/// Their largest size, in bytes.
const LONGEST: usize = 600;

/// Runs a target on what was kept for it, and says how much that was.
fn replay(name: &str, run: fn(&[u8])) -> usize {
    let mut count = 0;
    for folder in ["seeds", "found"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder).join(name);
        let Ok(files) = fs::read_dir(folder) else { continue };
        for file in files {
            let path = file.expect("readable").path();
            let named = format!("{}", path.display());
            tell_on_panic(&named, || run(&fs::read(&path).expect("readable")));
            count += 1;
        }
    }
    count
}

/// Runs a target on bytes that are the same each time.
fn throw_dice(name: &str, run: fn(&[u8])) {
    let mut random = ChaCha12Rng::seed_from_u64(1);
    for nth in 0..RANDOM {
        let mut input = vec![0; random.next_u32() as usize % LONGEST];
        random.fill_bytes(&mut input);
        tell_on_panic(&format!("random input {nth} of {name}"), || run(&input));
    }
}

/// Says what it was that made a target panic.
fn tell_on_panic(input: &str, run: impl FnOnce() + std::panic::UnwindSafe) {
    if let Err(panic) = std::panic::catch_unwind(run) {
        eprintln!("the input that failed: {input}");
        std::panic::resume_unwind(panic);
    }
}

fn check(name: &str) {
    let (_, run) = targets::TARGETS.iter().find(|(known, _)| *known == name).expect("a target");
    assert!(replay(name, *run) > 0, "no inputs are kept for {name}");
    throw_dice(name, *run);
}

macro_rules! targets {
    ($($name:ident)+) => {
        $(#[test] fn $name() { check(stringify!($name)); })+

        /// No target is forgotten here or in the manifest.
        #[test]
        fn all_targets_are_run() {
            let names: Vec<&str> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, [$(stringify!($name)),+]);
            let manifest = include_str!("../fuzz/Cargo.toml");
            for name in names {
                assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
            }
        }
    };
}

targets! { parse differential packets honest forged handles http tasks rudp }
