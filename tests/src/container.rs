//! Containers: `devns run`, as a test asks for it.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::output::LIMIT;
use crate::{Cpuset, Output, Running, binaries, cpuset, unique};

/// A `devns run` that is being put together.
pub struct Container {
    name: String,
    args: Vec<OsString>,
    log: Option<String>,
    /// The `cgroup.procs` of the cpuset that devns is started in.
    cpuset: Option<PathBuf>,
    limit: Duration,
    /// A rule file, there as long as this.
    rules: Option<Arc<NamedTempFile>>,
}

impl Default for Container {
    fn default() -> Self {
        Container::new()
    }
}

impl Container {
    /// A container with the policy that `devns run` gives by default.
    pub fn new() -> Container {
        Container {
            name: unique("t"),
            args: Vec::new(),
            log: None,
            cpuset: None,
            limit: LIMIT,
            rules: None,
        }
    }

    /// With the policy of a rule file, or `builtin:NAME`.
    pub fn policy(self, spec: impl AsRef<Path>) -> Container {
        self.arg("--policy").arg(spec.as_ref())
    }

    /// With a rule file of this text.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn rules(mut self, text: &str) -> Container {
        let mut file = NamedTempFile::with_suffix(".yaml").expect("a temporary file");
        file.write_all(text.as_bytes()).expect("a rule file");
        let path = file.path().to_path_buf();
        self.rules = Some(Arc::new(file));
        self.policy(path)
    }

    /// With a policy that shows the block devices of these names, and the standard nodes.
    pub fn shows(self, names: &[&str]) -> Container {
        self.rules(&show_block(names))
    }

    /// In a user namespace.
    pub fn userns(self) -> Container {
        self.arg("--userns")
    }

    /// In the host's network namespace.
    pub fn net_host(self) -> Container {
        self.args(["--net", "host"])
    }

    /// With the device cgroup of this version, `v1` or `v2`.
    pub fn gate(self, version: &str) -> Container {
        self.args(["--device-cgroup", version])
    }

    /// With this directory as its root.
    pub fn root(self, dir: impl AsRef<Path>) -> Container {
        self.arg("--rootfs").arg(dir.as_ref())
    }

    /// With this name, instead of one that nobody else has.
    pub fn name(mut self, name: &str) -> Container {
        self.name = name.into();
        self
    }

    /// With an argument of `devns run` besides.
    pub fn arg(mut self, arg: impl AsRef<std::ffi::OsStr>) -> Container {
        self.args.push(arg.as_ref().into());
        self
    }

    /// With arguments of `devns run` besides.
    pub fn args<'a>(self, args: impl IntoIterator<Item = &'a str>) -> Container {
        args.into_iter().fold(self, Container::arg)
    }

    /// With devns started in this cpuset.
    pub fn cpuset(mut self, cpuset: &Cpuset) -> Container {
        self.cpuset = Some(cpuset.procs());
        self
    }

    /// With this `RUST_LOG`.
    pub fn log(mut self, filter: &str) -> Container {
        self.log = Some(filter.into());
        self
    }

    /// With this much time to end, where it is run to its end.
    pub fn limit(mut self, limit: Duration) -> Container {
        self.limit = limit;
        self
    }

    /// The command that starts it.
    pub fn command<S: AsRef<std::ffi::OsStr>>(&self, command: &[S]) -> Command {
        let mut all = match &self.cpuset {
            Some(procs) => cpuset::within(procs, &binaries::devns()),
            None => Command::new(binaries::devns()),
        };
        all.args(["run", "--name", &self.name])
            .args(&self.args)
            .arg("--")
            .args(command);
        // a test that has a log would change what devns says
        all.env_remove("RUST_LOG");
        if let Some(filter) = &self.log {
            all.env("RUST_LOG", filter);
        }
        all
    }

    /// Run `command` to its end, without stdin.
    ///
    /// # Panics
    /// When it does not end in time.
    #[track_caller]
    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, command: &[S]) -> Output {
        Running::start(self.command(command).stdin(Stdio::null())).wait(self.limit)
    }

    /// Run a shell script to its end.
    ///
    /// # Panics
    /// When it does not end in time.
    #[track_caller]
    pub fn sh(&self, script: &str) -> Output {
        self.run(&["sh", "-c", script])
    }

    /// Run a Python script to its end.
    ///
    /// # Panics
    /// When it does not end in time.
    #[track_caller]
    pub fn python(&self, script: &str) -> Output {
        self.run(&["python3", "-c", script])
    }

    /// Start `command`, with a pipe as its stdin. It ends when the result is dropped.
    ///
    /// # Panics
    /// When devns cannot be started.
    #[track_caller]
    pub fn start<S: AsRef<std::ffi::OsStr>>(&self, command: &[S]) -> Running {
        let mut running = Running::start(self.command(command).stdin(Stdio::piped()));
        running.needs(self.rules.clone());
        running
    }
}

/// A rule file with a policy that shows the block devices of these names, and the standard nodes.
pub fn show_block(names: &[&str]) -> String {
    let names = names.join(", ");
    format!(
        "version: 1\npolicies:\n  test:\n    rules:\n      - name: ours\n        \
         match: {{ subsystem: block, devname: [{names}] }}\n        show: rw\n"
    )
}
