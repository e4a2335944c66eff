//! Where the binaries under test are.

use std::path::PathBuf;

/// The built `devns`.
pub fn devns() -> PathBuf {
    binary("devns")
}

/// The built `fusefs-sysfs`.
pub fn fusefs_sysfs() -> PathBuf {
    binary("fusefs-sysfs")
}

/// The built `fusefs-dev`.
pub fn fusefs_dev() -> PathBuf {
    binary("fusefs-dev")
}

/// The directory with all of them: `DEVNS_BIN_DIR`, or where this very test was built.
///
/// # Panics
/// When it cannot be told.
pub fn directory() -> PathBuf {
    if let Some(dir) = std::env::var_os("DEVNS_BIN_DIR") {
        return PathBuf::from(dir);
    }
    // target/release/deps/name-0123456789abcdef, or target/release/name
    let me = std::env::current_exe().expect("the path of this test");
    let mut dir = me.parent().expect("a directory").to_path_buf();
    if dir.ends_with("deps") {
        dir.pop();
    }
    dir
}

fn binary(name: &str) -> PathBuf {
    let path = directory().join(name);
    assert!(
        path.is_file(),
        "{} is not built: run `cargo xtask test`, which builds it first, or set DEVNS_BIN_DIR",
        path.display()
    );
    path
}

/// A file of the repository, by its path from the top.
pub fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(path)
}
