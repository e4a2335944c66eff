//! Finding the command and becoming it.

use std::ffi::{CString, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use nix::errno::Errno;
use nix::unistd::execve;

use super::{NOT_EXECUTABLE, NOT_FOUND};

/// Where commands are looked for, unless the environment says otherwise.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The environment of the container: clean but for what it needs and what was asked for.
pub fn environment(
    asked: &[(String, String)],
    name: &str,
    terminal: bool,
) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = [
        ("PATH", PATH),
        ("HOME", "/root"),
        ("HOSTNAME", name),
        // what systemd and its tools look for to know that they are in a container
        ("container", "devns"),
        // libudev otherwise wants SYSFS_MAGIC from statfs(2), for which there is the agent; this is for
        // where that cannot be
        ("SYSTEMD_DEVICE_VERIFY_SYSFS", "0"),
    ]
    .map(|(k, v)| (k.to_string(), v.to_string()))
    .into();
    if terminal {
        all.push((
            "TERM".into(),
            std::env::var("TERM").unwrap_or_else(|_| "xterm".into()),
        ));
    }
    for (key, value) in asked {
        all.retain(|(k, _)| k != key);
        all.push((key.clone(), value.clone()));
    }
    all
}

/// Execute `command`. Returns only when that fails: the exit status, and why.
pub fn execute(command: &[OsString], env: &[(String, String)]) -> (u8, String) {
    let shown = command
        .first()
        .map(|c| c.to_string_lossy().into_owned())
        .unwrap_or_default();
    let strings = |all: Vec<Vec<u8>>| -> Option<Vec<CString>> {
        all.into_iter().map(|s| CString::new(s).ok()).collect()
    };
    let args = strings(command.iter().map(|a| a.clone().into_vec()).collect());
    let vars = strings(
        env.iter()
            .map(|(k, v)| format!("{k}={v}").into_bytes())
            .collect(),
    );
    let (Some(args), Some(vars), Some(name)) = (args, vars, command.first()) else {
        return (
            NOT_EXECUTABLE,
            format!("{shown}: an argument or variable has a NUL"),
        );
    };
    let path = env
        .iter()
        .find(|(k, _)| k == "PATH")
        .map_or("", |(_, v)| v.as_str());
    let candidates: Vec<Vec<u8>> = match name.as_bytes().contains(&b'/') || name.is_empty() {
        true => vec![name.as_bytes().to_vec()],
        false => path
            .split(':')
            .map(|dir| [dir.as_bytes(), b"/", name.as_bytes()].concat())
            .collect(),
    };
    let mut refused = None;
    for candidate in strings(candidates).unwrap_or_default() {
        match execve(&candidate, &args, &vars) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => {}
            Err(e) => refused = refused.or(Some(e)),
            Ok(never) => match never {},
        }
    }
    match refused {
        Some(e) => (
            NOT_EXECUTABLE,
            format!("{shown}: {}", e.desc().to_lowercase()),
        ),
        None => (
            NOT_FOUND,
            format!("{shown}: there is no such command in the container"),
        ),
    }
}
