//! stdin, stdout and stderr: the only descriptors that the container inherits.

use std::io::IsTerminal;
use std::os::fd::{AsFd, OwnedFd};
use std::thread::JoinHandle;

use cli::{Failure, Status};
use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::sys::stat::{Mode, SFlag, fstat, major, minor};
use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout, pipe2};
use sys::mount::{Attrs, Propagation, clone_tree, set_attrs};
use sys::{Context, Result};

const NULL: (u64, u64) = (1, 3);

/// Make the standard streams fit to be handed over.
///
/// A directory is refused: relative to it, every file above it can be opened. The host's own
/// /dev/null is replaced by one that is the same to read and write, but on a mount that is
/// read-only: a container's root without a user namespace could change its mode for everybody
/// (fchmod(2) on the descriptor).
pub fn make_safe() -> std::result::Result<(), Failure> {
    let (stdin, stdout, stderr) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let streams = [
        ("stdin", stdin.as_fd()),
        ("stdout", stdout.as_fd()),
        ("stderr", stderr.as_fd()),
    ];
    for (at, (name, stream)) in streams.into_iter().enumerate() {
        let Ok(stat) = fstat(stream) else {
            continue;
        };
        let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
        if kind == SFlag::S_IFDIR {
            let message =
                format!("{name} is a directory, through which the container could leave its root");
            return Err(
                Failure::new(Status::Usage, message).mend("give it a file, a pipe or /dev/null")
            );
        }
        if kind == SFlag::S_IFCHR && (major(stat.st_rdev), minor(stat.st_rdev)) == NULL {
            let flags =
                fcntl(stream, FcntlArg::F_GETFL).call(|| format!("fcntl({name}, F_GETFL)"))?;
            replace(at, OFlag::from_bits_truncate(flags) & OFlag::O_ACCMODE)?;
        }
    }
    Ok(())
}

fn replace(at: usize, access: OFlag) -> Result<()> {
    let null = open("/dev/null", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
        .call(|| "open(\"/dev/null\")".into())?;
    let stat = fstat(&null).call(|| "fstat(\"/dev/null\")".into())?;
    if (major(stat.st_rdev), minor(stat.st_rdev)) != NULL {
        return Ok(());
    }
    let copy = clone_tree(null.as_fd(), "".as_ref(), false)?;
    set_attrs(copy.as_fd(), false, Attrs::RDONLY, Propagation::Private)?;
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&copy));
    let new = open(path.as_str(), access | OFlag::O_CLOEXEC, Mode::empty())
        .call(|| "open(<a copy of /dev/null>)".into())?;
    match at {
        0 => dup2_stdin(&new),
        1 => dup2_stdout(&new),
        _ => dup2_stderr(&new),
    }
    .call(|| format!("dup2(<a copy of /dev/null>, {at})"))
}

/// Stands between the container and a terminal of devns's caller.
///
/// Whoever has a descriptor of a terminal, be it stderr, can read its keys, change its settings and
/// stop its output. So a stream that is a terminal is a pipe inside, and a thread copies.
pub struct Streams {
    /// For stdout and stderr: what the container gets, where it is read, and where it goes.
    pipes: Vec<(i32, OwnedFd, OwnedFd)>,
}

impl Streams {
    /// With a `terminal` of its own the container gets none of ours anyway.
    pub fn new(terminal: bool) -> Result<Streams> {
        let mut pipes = Vec::new();
        for stream in [1, 2] {
            let is_terminal = match stream {
                1 => std::io::stdout().is_terminal(),
                _ => std::io::stderr().is_terminal(),
            };
            if is_terminal && !terminal {
                let (read, write) = pipe2(OFlag::O_CLOEXEC).call(|| "pipe2()".into())?;
                pipes.push((stream, write, read));
            }
        }
        Ok(Streams { pipes })
    }

    /// In the container's process: take the pipes in place of the terminals.
    pub fn take_on(&self) -> Result<()> {
        for (stream, write, _) in &self.pipes {
            match stream {
                1 => dup2_stdout(write),
                _ => dup2_stderr(write),
            }
            .call(|| format!("dup2(<pipe>, {stream})"))?;
        }
        Ok(())
    }

    /// In devns: copy, on threads that end when nobody inside has the pipes open any more.
    pub fn copy(self) -> std::io::Result<Vec<JoinHandle<()>>> {
        let copies = self.pipes.into_iter().map(|(stream, write, read)| {
            drop(write);
            let work = move || match stream {
                1 => super::terminal::copy(read, std::io::stdout()),
                _ => super::terminal::copy(read, std::io::stderr()),
            };
            std::thread::Builder::new()
                .name("output".into())
                .spawn(work)
        });
        copies.collect()
    }
}
