//! How many descriptors a server may have.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Take as many as this process may: whatever a container holds open is a descriptor of ours.
pub fn raise_open_files() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}
