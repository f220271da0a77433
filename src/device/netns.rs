//! Named network namespaces, as `ip netns` makes them: `/run/netns/NAME` is a bind mount of the
//! namespace.
//!
//! A namespace that glasstcp made has a marker `/run/glasstcp/NAME.netns`, which says which one it
//! is and is locked (shared) by every daemon that lives in it. The last one out removes both.
//!
//! ```text
//!   namespace  marker         lock    then
//!   no         -              -       make it, mark it: ours
//!   yes        no, or stale   -       somebody else's: use it, leave it
//!   yes        names it       held    another daemon's and ours: the last one out removes it
//!   yes        names it       free    left over by a daemon that was killed: ours
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::statfs::{NSFS_MAGIC, statfs};

/// Where iproute2 keeps named namespaces.
const NETNS_DIR: &str = "/run/netns";
/// Where the markers are.
const MARKER_DIR: &str = "/run/glasstcp";
/// What the name of a marker ends with.
const MARKER_ENDING: &str = ".netns";
/// Longest name, in bytes: that of a file, with room for the marker's ending.
const MAX_NAME: usize = 200;
/// How often, and how long between, to try for the lock that setup and removal take.
const LOCK_TRIES: usize = 500;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Why a namespace cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    /// Not a name for a namespace.
    #[error(
        "'{0}' is no name for a network namespace: use 1 to 200 characters without spaces and slashes, and not '.' or '..'"
    )]
    BadName(String),
    /// Without CAP_SYS_ADMIN.
    #[error(
        "no permission to use the network namespace '{0}', which takes CAP_SYS_ADMIN: run glasstcp with sudo, or give the container that capability"
    )]
    Permission(String),
    /// The file is there, but it is not a namespace.
    #[error(
        "{NETNS_DIR}/{0} is in the way, it is not a network namespace: remove it with 'sudo ip netns delete {0}'"
    )]
    NotANamespace(String),
    /// Another daemon sets up or removes a namespace and does not finish.
    #[error("another glasstcp holds {MARKER_DIR} locked: wait for it or stop it, then try again")]
    Locked,
    /// A step failed.
    #[error("cannot {step} the network namespace '{name}'")]
    Failed {
        /// What was tried.
        step: &'static str,
        /// The name of the namespace.
        name: String,
        /// What the system said.
        source: io::Error,
    },
}

/// A named network namespace in use. When it is dropped, it goes if it was made by glasstcp and no
/// other daemon is in it.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    marker: Option<Marker>,
}

/// Whether `name` can be the name of a namespace.
pub fn check_name(name: &str) -> Result<(), NetnsError> {
    let good = (1..=MAX_NAME).contains(&name.len())
        && name != "."
        && name != ".."
        && name.chars().all(|c| c != '/' && !c.is_whitespace() && !c.is_control())
        && !name.starts_with('-');
    if good { Ok(()) } else { Err(NetnsError::BadName(name.to_owned())) }
}

impl Namespace {
    /// Uses the namespace `name`, made first when it does not exist.
    pub fn use_or_make(name: &str) -> Result<Namespace, NetnsError> {
        check_name(name)?;
        let explain = explain(name, "make");
        make_dirs().map_err(&explain)?;
        let _turn = Turn::take(name)?;
        sweep();
        let path = path(name);
        let mut marker = Marker::find(name).map_err(&explain)?;
        if is_namespace(&path) {
            let identity = identity(&path).map_err(&explain)?;
            let ours = marker.take_if(|marker| marker.names(&identity));
            if let Some(marker) = marker {
                marker.discard();
            }
            if let Some(marker) = &ours {
                marker.file.lock_shared().map_err(&explain)?;
            }
            let marker = ours;
            return Ok(Namespace { name: name.to_owned(), marker });
        }
        if fs::symlink_metadata(&path).is_ok() {
            // A run that was killed between making the file and the namespace leaves a marker.
            if marker.is_none() {
                return Err(NetnsError::NotANamespace(name.to_owned()));
            }
            fs::remove_file(&path).map_err(&explain)?;
        }
        let mut marker = Marker::make(name).map_err(&explain)?;
        let made = make(&path).and_then(|()| marker.fill(&identity(&path)?));
        if let Err(error) = made {
            remove(&path);
            marker.discard();
            return Err(explain(error));
        }
        Ok(Namespace { name: name.to_owned(), marker: Some(marker) })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether glasstcp made it.
    pub fn is_ours(&self) -> bool {
        self.marker.is_some()
    }

    /// Runs `f` on a thread inside the namespace and waits for it. Descriptors opened there stay
    /// in the namespace for good.
    pub fn run<R: Send>(&self, f: impl FnOnce() -> R + Send) -> Result<R, NetnsError> {
        let enter = || -> io::Result<()> {
            let file = File::open(path(&self.name))?;
            Ok(setns(file, CloneFlags::CLONE_NEWNET)?)
        };
        on_thread(|| enter().map(|()| f())).map_err(explain(&self.name, "enter"))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let Some(mut marker) = self.marker.take() else {
            return;
        };
        let _turn = Turn::take(&self.name);
        // Fails while another daemon shares the lock; that one removes the namespace then.
        if marker.file.try_lock().is_err() {
            return;
        }
        // Somebody may have deleted the namespace, and another daemon have made it again.
        let path = path(&self.name);
        let ours = |identity: String| marker.read().is_ok() && marker.names(&identity);
        if identity(&path).is_ok_and(ours) {
            remove(&path);
        }
        marker.discard();
    }
}

/// The file beside a namespace that says that glasstcp made it, open and locked.
#[derive(Debug)]
struct Marker {
    path: PathBuf,
    file: File,
    content: String,
}

impl Marker {
    fn path(name: &str) -> PathBuf {
        Path::new(MARKER_DIR).join(format!("{name}{MARKER_ENDING}"))
    }

    /// The marker of an earlier run.
    fn find(name: &str) -> io::Result<Option<Marker>> {
        let path = Marker::path(name);
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut marker = Marker { path, file, content: String::new() };
        marker.read()?;
        Ok(Some(marker))
    }

    /// Reads which namespace it stands for now.
    fn read(&mut self) -> io::Result<()> {
        self.content.clear();
        self.file.rewind()?;
        self.file.read_to_string(&mut self.content)?;
        Ok(())
    }

    /// A locked marker without content: the namespace is about to be made.
    fn make(name: &str) -> io::Result<Marker> {
        let path = Marker::path(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)?;
        let marker = Marker { path, file, content: String::new() };
        marker.file.lock_shared()?;
        Ok(marker)
    }

    /// Writes down which namespace it is.
    fn fill(&mut self, identity: &str) -> io::Result<()> {
        self.file.rewind()?;
        self.file.write_all(identity.as_bytes())?;
        self.content = identity.to_owned();
        Ok(())
    }

    /// Whether it stands for this namespace. One without content was being made when its daemon
    /// was killed, and it was made only after none of that name was there.
    fn names(&self, identity: &str) -> bool {
        self.content.is_empty() || self.content == identity
    }

    fn discard(self) {
        // Gone already is as good as removed.
        let _ = fs::remove_file(&self.path);
    }
}

/// The right to set up or remove a namespace; one process at a time has it.
struct Turn(#[expect(dead_code, reason = "held for its lock")] File);

impl Turn {
    fn take(name: &str) -> Result<Turn, NetnsError> {
        let dir = File::open(MARKER_DIR).map_err(explain(name, "lock"))?;
        for _ in 0..LOCK_TRIES {
            match dir.try_lock() {
                Ok(()) => return Ok(Turn(dir)),
                Err(fs::TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
                Err(fs::TryLockError::Error(error)) => return Err(explain(name, "lock")(error)),
            }
        }
        Err(NetnsError::Locked)
    }
}

/// Removes the markers of killed daemons whose namespaces somebody has deleted since. The caller has
/// the turn, so none is being made.
fn sweep() {
    // What cannot be read or removed now can be the next time.
    let Ok(entries) = fs::read_dir(MARKER_DIR) else {
        return;
    };
    for entry in entries.flatten() {
        let file_name = entry.file_name();
        let Some(name) = file_name.to_str().and_then(|name| name.strip_suffix(MARKER_ENDING))
        else {
            continue;
        };
        let nobody_has_it = File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
        if nobody_has_it && fs::symlink_metadata(path(name)).is_err() {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn path(name: &str) -> PathBuf {
    Path::new(NETNS_DIR).join(name)
}

/// Whether a namespace is mounted at `path`.
fn is_namespace(path: &Path) -> bool {
    statfs(path).is_ok_and(|stat| stat.filesystem_type() == NSFS_MAGIC)
}

/// What tells this namespace from any other, also from one with the same number later.
fn identity(path: &Path) -> io::Result<String> {
    let meta = fs::metadata(path)?;
    Ok(format!("{}:{} {}.{:09}\n", meta.dev(), meta.ino(), meta.ctime(), meta.ctime_nsec()))
}

/// Makes the two folders; that of the namespaces is a shared mount, so that they are seen by
/// everybody and go away for everybody.
fn make_dirs() -> io::Result<()> {
    for dir in [MARKER_DIR, NETNS_DIR] {
        DirBuilder::new().recursive(true).mode(0o755).create(dir)?;
    }
    let share = || {
        let flags = MsFlags::MS_SHARED | MsFlags::MS_REC;
        mount(None::<&str>, NETNS_DIR, None::<&str>, flags, None::<&str>)
    };
    match share() {
        // Not a mount yet.
        Err(Errno::EINVAL) => {
            let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
            mount(Some(NETNS_DIR), NETNS_DIR, None::<&str>, flags, None::<&str>)?;
            Ok(share()?)
        }
        other => Ok(other?),
    }
}

/// Makes a namespace and mounts it at `path`.
fn make(path: &Path) -> io::Result<()> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o000).open(path)?;
    on_thread(|| {
        unshare(CloneFlags::CLONE_NEWNET)?;
        let own = "/proc/thread-self/ns/net";
        mount(Some(own), path, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
        Ok(())
    })
}

/// Takes a namespace away, as far as it is there.
fn remove(path: &Path) {
    // Each step may have nothing to do; there is nobody to tell and nothing else to try.
    let _ = umount2(path, MntFlags::MNT_DETACH);
    let _ = fs::remove_file(path);
}

/// Runs `f` on a thread of its own, whose namespace nobody else shares.
pub(super) fn on_thread<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| match scope.spawn(f).join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// Turns a system error in a step into a sentence.
fn explain(name: &str, step: &'static str) -> impl Fn(io::Error) -> NetnsError {
    let name = name.to_owned();
    move |source| match source.kind() {
        ErrorKind::PermissionDenied => NetnsError::Permission(name.clone()),
        _ => NetnsError::Failed { step, name: name.clone(), source },
    }
}

#[cfg(test)]
mod tests;
