//! A root file system of one program.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A directory with busybox and the names it goes by; gone when this is.
#[derive(Debug)]
pub struct Rootfs {
    dir: TempDir,
}

impl Default for Rootfs {
    fn default() -> Self {
        Rootfs::new()
    }
}

impl Rootfs {
    /// Make one, owned by the host's root, with places for /proc, /sys, /dev, /run and /tmp.
    ///
    /// # Panics
    /// When there is no busybox: the package is busybox-static.
    pub fn new() -> Rootfs {
        let rootfs = Rootfs::bare();
        for name in ["proc", "sys", "dev", "run", "tmp"] {
            fs::create_dir(rootfs.path(name)).expect("a directory");
        }
        rootfs
    }

    /// The same without these places.
    ///
    /// # Panics
    /// When there is no busybox.
    pub fn bare() -> Rootfs {
        let dir = TempDir::new().expect("a temporary directory");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
        let rootfs = Rootfs { dir };
        fs::create_dir(rootfs.path("bin")).expect("a directory");
        let busybox = ["/bin/busybox", "/usr/bin/busybox"]
            .into_iter()
            .find(|p| Path::new(p).exists());
        let busybox = busybox
            .expect("busybox (Debian package busybox-static; `cargo xtask test` installs it)");
        fs::copy(busybox, rootfs.path("bin/busybox")).expect("a copy of busybox");
        for name in [
            "sh", "ls", "cat", "id", "stat", "find", "mount", "touch", "echo", "hostname", "env",
            "readlink",
        ] {
            symlink("busybox", rootfs.path(&format!("bin/{name}"))).expect("a link");
        }
        rootfs
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A path inside.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.dir.path().join(inside)
    }
}
