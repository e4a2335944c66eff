use super::*;

/// A host that is a directory: its /proc and its hierarchies.
struct Host {
    dir: tempfile::TempDir,
    mountinfo: String,
}

impl Host {
    /// With process 7, in the cgroups of these lines, allowed to run on CPUs 5 and 6.
    fn new(cgroups: &str) -> Host {
        let host = Host {
            dir: tempfile::tempdir().unwrap(),
            mountinfo: String::new(),
        };
        host.put("proc/7/cgroup", cgroups);
        host.put("proc/7/stat", "7 (x) S 1 7 7 0 -1 4194304 99");
        host.put(
            "proc/7/status",
            "Name:\tx\nCpus_allowed:\t60\nCpus_allowed_list:\t5-6\nMems_allowed_list:\t0\n",
        );
        host
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn mount(mut self, root: &str, at: &str, kind: &str) -> Host {
        let at = self.dir.path().join(at);
        let line = format!("30 1 0:26 {root} {} rw - {kind}\n", at.display());
        self.mountinfo.push_str(&line);
        self
    }

    fn v1(self, root: &str, at: &str) -> Host {
        self.mount(root, at, "cgroup cgroup rw,cpu,cpuset")
    }

    fn v2(self, root: &str, at: &str) -> Host {
        self.mount(root, at, "cgroup2 cgroup2 rw")
    }

    fn cpus(&self) -> std::result::Result<String, String> {
        let proc = self.dir.path().join("proc");
        let cpusets = Cpusets::find(&proc, self.mountinfo.as_bytes(), |_, path| path.exists());
        let cpus = cpusets.cpus_of(7);
        cpus.map(|c| c.to_string()).map_err(|e| e.to_string())
    }

    #[track_caller]
    fn has(&self, cpus: &str) {
        assert_eq!(self.cpus(), Ok(cpus.to_owned()));
    }
}

/// What the process itself may run on: its cgroup could not be found.
const OWN: &str = "5-6";

#[test]
fn v2_is_the_nearest_that_has_the_controller() {
    let host = Host::new("0::/devns/web1/inner\n").v2("/", "cg");
    host.put("cg/devns/web1/inner/cgroup.procs", "7\n");
    host.has(OWN);
    host.put("cg/cpuset.cpus.effective", "0-7\n");
    host.has("0-7");
    host.put("cg/devns/cpuset.cpus.effective", "0-3\n");
    host.has("0-3");
    host.put("cg/devns/web1/inner/cpuset.cpus.effective", "2\n");
    host.has("2");
    // read anew each time
    host.put("cg/devns/web1/inner/cpuset.cpus.effective", "2-3\n");
    host.has("2-3");
    host.put("proc/7/cgroup", "0::/\n");
    host.has("0-7");
}

#[test]
fn v1_is_its_own_cgroup_and_nothing_above() {
    let lines = "4:cpu,cpuset:/a:b/c\n3:name=cpuset:/wrong\n0::/wrong\n";
    let host = Host::new(lines).v2("/", "unified").v1("/", "cg");
    for place in [
        "unified/wrong/cpuset.cpus.effective",
        "cg/wrong/cpuset.cpus",
        "cg/cpuset.cpus",
    ] {
        host.put(place, "0-7\n");
    }
    host.has(OWN);
    host.put("cg/a:b/c/cpuset.cpus", "1,3\n");
    host.has("1,3");
    host.put("cg/a:b/c/cpuset.effective_cpus", "1\n");
    host.has("1");
}

#[test]
fn a_mount_of_a_part_serves_what_is_below_it() {
    let host = Host::new("0::/pod/a\n")
        .v2("/other", "other")
        .v2("/pod", "pod");
    host.put("other/cpuset.cpus.effective", "0-7\n");
    host.has(OWN);
    host.put("pod/cpuset.cpus.effective", "1\n");
    host.has("1");
    host.put("pod/a/cpuset.cpus.effective", "2\n");
    host.has("2");
    // a part's name is no prefix
    host.put("proc/7/cgroup", "0::/pods/a\n");
    host.has(OWN);
    // the whole is asked first
    let host = host.v2("/", "cg");
    host.put("cg/pods/cpuset.cpus.effective", "3\n");
    host.has("3");
}

#[test]
fn nothing_outside_of_a_mount_is_read() {
    let host = Host::new("0::/../../secret\n").v2("/", "cg/below/here");
    host.put("cg/below/here/cpuset.cpus.effective", "0-7\n");
    host.put("cg/secret/cpuset.cpus.effective", "0-7\n");
    host.has(OWN);
}

#[test]
fn what_makes_no_sense_is_not_taken() {
    let host = Host::new("2:cpuset:/a\n").v1("/", "cg");
    for text in ["", "\n", "all\n", "0-\n", "9999999999\n"] {
        host.put("cg/a/cpuset.effective_cpus", text);
        host.has(OWN);
    }
    host.put("proc/7/status", "Name:\tx\n");
    let error = host.cpus().unwrap_err();
    assert!(error.ends_with("/proc/7/status\"): no CPU"), "{error}");
    host.put("proc/7/cgroup", "1:name=systemd:/\n");
    host.cpus().unwrap_err();
}

/// In cgroup v1 it is in the root as soon as it exits, whose CPUs are not the container's.
#[test]
fn one_that_exits_has_none() {
    let host = Host::new("2:cpuset:/\n").v1("/", "cg");
    host.put("cg/cpuset.cpus", "0-7\n");
    host.has("0-7");
    host.put("proc/7/stat", "7 (x) S 1 7 7 0 -1 4194308 99");
    assert_eq!(host.cpus().unwrap_err(), "cpus_of(7): no such process");
    fs::remove_file(host.dir.path().join("proc/7/stat")).unwrap();
    host.cpus().unwrap_err();
}

/// On this machine: no more than there is, and as the kernel says it of this process.
#[test]
fn of_the_real_kernel() {
    let cpusets = Cpusets::detect().unwrap();
    let cpus = cpusets.cpus_of(std::process::id() as i32).unwrap();
    let online = CpuSet::parse_list(&fs::read("/sys/devices/system/cpu/online").unwrap()).unwrap();
    assert_eq!(cpus.intersection(&online), cpus);
    let own = cpusets.of_affinity(std::process::id() as i32).unwrap();
    assert_eq!(own.intersection(&cpus), own);
    let error = cpusets.cpus_of(i32::MAX).unwrap_err();
    assert_eq!(error.errno(), libc::ESRCH);
}
