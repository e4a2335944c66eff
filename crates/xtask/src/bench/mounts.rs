//! The two file systems that are compared, in a mount namespace of our own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

use crate::say::target;

/// sysfs and our view of it.
pub struct Mounts {
    /// Where sysfs is.
    pub native: PathBuf,
    /// Where ours is.
    pub ours: PathBuf,
    /// Options of our mount, as mountinfo has them.
    pub options: String,
    top: PathBuf,
    server: Child,
}

impl Mounts {
    /// Mount both. The binary is in `bin`.
    pub fn make(bin: &Path) -> Result<Mounts> {
        // what is mounted here is gone with us, however we end
        unshare(CloneFlags::CLONE_NEWNS).context("unshare(CLONE_NEWNS)")?;
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>)
            .context("mount(MS_PRIVATE)")?;
        let top = target()
            .canonicalize()
            .context("target")?
            .join(format!("bench-{}", std::process::id()));
        let (native, ours) = (top.join("native"), top.join("ours"));
        for dir in [&native, &ours] {
            std::fs::create_dir_all(dir).with_context(|| format!("{dir:?}"))?;
        }
        mount(
            Some("sysfs"),
            &native,
            Some("sysfs"),
            MsFlags::empty(),
            None::<&str>,
        )
        .context("mount(sysfs)")?;
        let server = server(bin, &ours, "warn").spawn().context("fusefs-sysfs")?;
        let mut mounts = Mounts {
            native,
            ours,
            options: String::new(),
            top,
            server,
        };
        mounts.options = mounts.wait()?;
        Ok(mounts)
    }

    /// Wait until ours is there; its options.
    fn wait(&mut self) -> Result<String> {
        let until = Instant::now() + Duration::from_secs(20);
        let place = self.ours.to_string_lossy().into_owned();
        while Instant::now() < until {
            let table = std::fs::read_to_string("/proc/self/mountinfo")?;
            let line = table.lines().find(|l| l.split(' ').nth(4) == Some(&place));
            if let Some((mount, (_, sb))) = line.and_then(|l| Some((l, l.rsplit_once(' ')?))) {
                return Ok(format!(
                    "{},{sb}",
                    mount.split(' ').nth(5).unwrap_or_default()
                ));
            }
            if let Some(status) = self.server.try_wait()? {
                bail!("fusefs-sysfs ended before it mounted anything: {status}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("fusefs-sysfs has mounted nothing in 20 s")
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        for dir in [&self.native, &self.ours] {
            let _ = umount2(dir, MntFlags::MNT_DETACH);
        }
        // it ends with its mount
        let _ = self.server.wait();
        for dir in [&self.native, &self.ours, &self.top] {
            let _ = std::fs::remove_dir(dir);
        }
    }
}

/// The command that serves a view of everything at `place` and ends with us.
pub fn server(bin: &Path, place: &Path, log: &str) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "TERM"])
        .arg(bin.join("fusefs-sysfs"));
    command
        .args(["--policy", "builtin:all", "-f"])
        .arg(place)
        .env("RUST_LOG", log);
    command
}
