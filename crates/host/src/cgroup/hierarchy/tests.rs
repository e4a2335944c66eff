use super::*;

fn choose(mountinfo: &str) -> (Option<String>, Option<String>) {
    let chosen = Hierarchies::choose(mountinfo.as_bytes(), |_, path| !path.starts_with("/hidden"));
    let text = |path: Option<&Path>| path.map(|path| path.to_str().unwrap().to_owned());
    (text(chosen.v1()), text(chosen.v2()))
}

fn some(path: &str) -> Option<String> {
    Some(path.to_owned())
}

#[test]
fn unified() {
    let text = "29 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n";
    assert_eq!(choose(text), (None, some("/sys/fs/cgroup")));
}

#[test]
fn hybrid() {
    let text = "\
31 23 0:28 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs ro,mode=755
32 31 0:29 / /sys/fs/cgroup/unified rw,nosuid shared:10 - cgroup2 cgroup2 rw,nsdelegate
33 31 0:30 / /sys/fs/cgroup/systemd rw,nosuid shared:11 - cgroup cgroup rw,xattr,name=systemd
34 31 0:31 / /sys/fs/cgroup/cpu,cpuacct rw shared:12 - cgroup cgroup rw,cpu,cpuacct
36 31 0:33 / /sys/fs/cgroup/devices rw,nosuid shared:13 master:1 - cgroup cgroup rw,devices
";
    assert_eq!(
        choose(text),
        (
            some("/sys/fs/cgroup/devices"),
            some("/sys/fs/cgroup/unified")
        )
    );
}

#[test]
fn a_cgroup_is_named_from_its_hierarchys_root() {
    let hierarchies = Hierarchies {
        v1: Some("/sys/fs/cgroup/devices".into()),
        v2: Some("/sys/fs/cgroup/unified".into()),
    };
    let path = |dir: &str| hierarchies.path_of(Path::new(dir));
    assert_eq!(path("/sys/fs/cgroup/unified/a/b"), some("/a/b"));
    assert_eq!(path("/sys/fs/cgroup/devices/a"), some("/a"));
    assert_eq!(path("/sys/fs/cgroup/cpu/a"), None);
    let dirs = hierarchies.dirs("web1-7").unwrap();
    assert!(
        dirs.iter()
            .all(|dir| hierarchies.path_of(dir) == Some(super::super::path("web1-7")))
    );
}

#[test]
fn v1_alone_and_nothing() {
    let text = "36 31 0:33 / /cg/devices\\040and\\134more rw - cgroup none rw,blkio,devices\n";
    assert_eq!(choose(text), (some("/cg/devices and\\more"), None));
    // a name is no controller
    assert_eq!(
        choose("36 31 0:33 / /cg rw - cgroup none rw,name=devices\n"),
        (None, None)
    );
    assert_eq!(choose(""), (None, None));
    assert_eq!(
        choose("36 31 0:33 / /cg rw - cgroup2\n36 31\n\n - \n"),
        (None, None)
    );
}

#[test]
fn hidden_partial_and_read_only_mounts_come_last() {
    let text = "\
30 1 0:26 / /hidden/cgroup rw - cgroup2 cgroup2 rw
31 1 0:26 /pod /bind rw - cgroup2 cgroup2 rw
32 1 0:26 / /fixed ro - cgroup2 cgroup2 rw
33 1 0:26 / /whole rw - cgroup2 cgroup2 rw
34 1 0:26 / /later rw - cgroup2 cgroup2 rw
";
    assert_eq!(choose(text), (None, some("/whole")));
    let rest: String = text
        .lines()
        .take(3)
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(choose(&rest), (None, some("/fixed")));
}

#[test]
fn ids_are_plain_names() {
    for id in ["web1", "0", "A-b_c.d", &"x".repeat(128)] {
        assert!(check_id(id).is_ok(), "{id:?}");
    }
    for id in [
        "",
        ".",
        "..",
        ".x",
        "-x",
        "a/b",
        "a b",
        "a\n",
        "a\0",
        "é",
        &"x".repeat(129),
    ] {
        assert!(check_id(id).is_err(), "{id:?}");
    }
}

#[test]
fn dirs_of_an_id() {
    let both = Hierarchies {
        v1: Some("/v1".into()),
        v2: Some("/v2".into()),
    };
    assert_eq!(
        both.dirs("web1").unwrap(),
        [Path::new("/v1/devns/web1"), Path::new("/v2/devns/web1")]
    );
    assert!(both.dirs("../web1").is_err());
}

/// Where no directory can be made, the error names the call of each kind and what would help.
#[test]
fn no_directory_no_gate() {
    let nowhere = Hierarchies {
        v1: Some("/proc/self".into()),
        v2: Some("/proc".into()),
    };
    let error = super::super::Cgroup::create(&nowhere, "x", None).unwrap_err();
    assert!(matches!(error, CgroupError::NoGate(_)));
    let text = error.to_string();
    let v2 =
        "no device gate: cgroup v2: mkdir(\"/proc/devns\"): no such file or directory (needs root";
    assert!(text.starts_with(v2), "{text}");
    assert!(
        text.contains("; cgroup v1: mkdir(\"/proc/self/devns\"): "),
        "{text}"
    );
}
