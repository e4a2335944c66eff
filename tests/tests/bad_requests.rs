//! What a container asks of /sys and /dev and does not get: an errno, as sysfs gives it, never a
//! hang or a panic, and the server serves on.

use std::process::Command;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tests::{Container, inside, run};

fn answers(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(all) => all,
        other => panic!("{other}"),
    }
}

/// Names and changes of names: harmless on the real /sys, where all of them fail too.
#[test]
fn refusals_are_those_of_sysfs() {
    let dirs = json!([
        "",
        "/class",
        "/class/mem",
        "/devices/virtual/mem/null",
        "/devices",
        "/bus",
        "/dev/char"
    ])
    .to_string();
    let things = json!([
        "/devices/virtual/mem/null/dev",
        "/devices/virtual/mem/null/uevent",
        "/devices/virtual/mem/null",
        "/devices/virtual/mem/null/subsystem",
        "/class/mem/null",
        "/class/mem",
        "/dev/char/1:3",
    ])
    .to_string();
    // the credentials of a container, in namespaces of the host
    let capabilities = "-all,+audit_write,+chown,+dac_override,+fowner,+fsetid,+kill,+net_bind_service,\
                        +net_raw,+setfcap,+setgid,+setpcap,+setuid,+sys_chroot";
    let identities: [&[&str]; 2] = [
        &[],
        &["--reuid", "1000", "--regid", "1000", "--clear-groups"],
    ];
    for identity in identities {
        let mut native = Command::new("setpriv");
        native
            .args([
                "--bounding-set",
                capabilities,
                "--inh-caps=-all",
                "--no-new-privs",
            ])
            .args(identity);
        native.args([
            inside::PYTHON,
            "-c",
            inside::REQUESTS,
            "/sys",
            &dirs,
            &things,
        ]);
        let native = answers(run(&mut native).ok().json());
        let mut command = vec!["setpriv"];
        command.extend(identity);
        if identity.is_empty() {
            command.push("--clear-groups");
        }
        command.extend(["python3", "-c", inside::REQUESTS, "/sys", &dirs, &things]);
        let ours = answers(
            Container::new()
                .policy("builtin:all")
                .run(&command)
                .ok()
                .json(),
        );
        assert!(native.len() > 500, "{}", native.len());
        let differences: Vec<String> = native
            .iter()
            .filter(|(what, errno)| ours.get(*what) != Some(errno))
            // reviewed: EOPNOTSUPP is remembered by the kernel, ENODATA would be asked for each time
            .filter(|(what, errno)| {
                !(what.starts_with("getxattr")
                    && *errno == "ENODATA"
                    && ours[*what] == "EOPNOTSUPP")
            })
            .map(|(what, errno)| {
                format!(
                    "{what:?}: {errno} natively, {} here",
                    ours.get(what).unwrap_or(&Value::Null)
                )
            })
            .collect();
        assert!(differences.is_empty(), "as {identity:?}: {differences:#?}");
        // nothing came of any
        let done: Vec<_> = ours
            .iter()
            .filter(|(w, e)| *e == "ok" && !w.starts_with("listdir") && !w.starts_with("readlink"))
            .collect();
        assert!(
            done.iter().all(|(w, _)| w.starts_with("open as directory")),
            "{done:#?}"
        );
    }
}

/// What is given in /dev is neither removed, moved nor replaced, whoever asks.
#[test]
fn what_is_given_in_dev_stays() {
    let script = "
import errno, os
def ask(what, call, *args):
    try:
        call(*args)
        print('ok', what)
    except OSError as e:
        print(errno.errorcode[e.errno], what)
os.chdir('/dev')
before = sorted(os.listdir())
open('file', 'w').close()
os.mkdir('dir')
for name in 'null', 'fd', 'stdin', 'loop3', 'pts', 'shm', 'mqueue', 'ptmx':
    ask('unlink ' + name, os.unlink, name)
    ask('rmdir ' + name, os.rmdir, name)
    ask('rename from ' + name, os.rename, name, 'other')
    ask('rename file to ' + name, os.rename, 'file', name)
    ask('rename dir to ' + name, os.rename, 'dir', name)
    ask('mkdir ' + name, os.mkdir, name)
    ask('symlink ' + name, os.symlink, 'x', name)
    ask('mkfifo ' + name, os.mkfifo, name)
    ask('link to ' + name, os.link, 'file', name)
    ask('create ' + name, os.open, name, os.O_CREAT | os.O_EXCL)
for name in 'null', 'fd', 'loop3':
    ask('link from ' + name, lambda: os.link(name, 'other', follow_symlinks=False))
os.unlink('file')
os.rmdir('dir')
print('same', sorted(os.listdir()) == before)
";
    for container in [
        Container::new(),
        Container::new().userns(),
        Container::new().args(["--cap-add", "MKNOD"]),
    ] {
        let seen = container.shows(&["loop3"]).python(script).ok();
        for line in seen.lines() {
            let refused = ["EPERM", "EBUSY", "EEXIST", "ENOTDIR", "EISDIR", "EXDEV"];
            let refused = refused.iter().any(|errno| line.starts_with(errno));
            assert!(refused || line == "same True", "{line}: {seen}");
        }
    }
}

/// What would change the host's file, or one's own node: refused, and the file is as it was.
#[test]
fn attributes_cannot_be_changed() {
    let before = std::fs::metadata("/sys/devices/virtual/mem/null/dev").expect("the host's file");
    let script = "
import errno, os, stat
errno.errorcode[errno.EOPNOTSUPP] = 'EOPNOTSUPP'
def ask(what, call, *args):
    try:
        call(*args)
        print(what, 'ok')
    except OSError as e:
        print(what, errno.errorcode[e.errno])
for path in '/sys/devices/virtual/mem/null/dev', '/sys/class/mem', '/sys', '/dev/null', '/dev', '/sys/class/mem/null/uevent':
    ask('chmod ' + path, os.chmod, path, 0o777)
    ask('chown ' + path, os.chown, path, 1, 1)
    ask('utime ' + path, os.utime, path, (1, 1))
    ask('setxattr ' + path, os.setxattr, path, 'user.x', b'1')
    ask('getxattr ' + path, os.getxattr, path, 'user.x')
    ask('listxattr ' + path, os.listxattr, path)
for path in '/sys/devices/virtual/mem/null/dev', '/sys/class/net/lo/mtu', '/sys/kernel/uevent_seqnum':
    for flags in os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC, os.O_RDONLY | os.O_TRUNC, os.O_WRONLY | os.O_APPEND:
        ask('open %o %s' % (flags, path), os.open, path, flags)
    ask('truncate ' + path, os.truncate, path, 0)
";
    let seen = Container::new().policy("builtin:all").python(script).ok();
    let of = |what: &str| {
        seen.lines()
            .into_iter()
            .filter(|l| l.starts_with(what))
            .map(|l| l.rsplit(' ').next().unwrap_or_default().to_string())
            .collect::<Vec<_>>()
    };
    for what in ["chmod /sys", "chown /sys", "utime /sys"] {
        assert!(
            of(what).iter().all(|e| e == "EPERM") && of(what).len() == 4,
            "{seen}"
        );
    }
    // its own /dev is the container's
    for what in ["chmod /dev", "chown /dev", "utime /dev"] {
        assert!(
            of(what).iter().all(|e| e == "ok") && of(what).len() == 2,
            "{seen}"
        );
    }
    // of a device node, the VFS itself says so
    assert!(
        of("setxattr /sys")
            .iter()
            .chain(&of("setxattr /dev/null"))
            .all(|e| e == "EOPNOTSUPP" || e == "EPERM"),
        "{seen}"
    );
    assert!(
        of("getxattr")
            .iter()
            .all(|e| ["EOPNOTSUPP", "ENODATA", "ok"].contains(&e.as_str())),
        "{seen}"
    );
    for what in ["open", "truncate"] {
        assert!(
            !of(what).is_empty() && of(what).iter().all(|e| e == "EACCES"),
            "{seen}"
        );
    }
    let after = std::fs::metadata("/sys/devices/virtual/mem/null/dev").expect("the host's file");
    assert_eq!(before.permissions(), after.permissions());
}

/// A container that floods, and that dies in the middle of it, hurts no request that comes after.
#[test]
fn the_server_serves_on() {
    let script = "
import os, threading
def work(n):
    for i in range(400):
        for path in (b'/sys/class/' + bytes([n, i % 255 + 1]) * 20, b'/dev/' + b'x' * (i % 260), b'/sys/devices/virtual/mem/null/uevent'):
            try:
                fd = os.open(path, os.O_RDWR)
                os.write(fd, b'nonsense' * (i % 700))
            except (OSError, ValueError):
                pass
            else:
                os.close(fd)
            try:
                os.listdir(b'/sys/class/mem'); os.rename(path, path + b'y')
            except (OSError, ValueError):
                pass
all = [threading.Thread(target=work, args=(n + 1,)) for n in range(8)]
[t.start() for t in all]
[t.join() for t in all]
# more than the server holds open for one container: an errno, and then again its service
fds = []
try:
    while True:
        fds.append(os.open('/sys/devices/virtual/mem/null/dev', os.O_RDONLY))
except OSError as e:
    print('full', e.errno, len(fds) > 500)
for fd in fds:
    os.close(fd)
print(open('/sys/devices/virtual/mem/null/dev').read().strip(), len(os.listdir('/dev')) > 5, os.path.exists('/sys/class/mem/null'))
";
    for container in [Container::new(), Container::new().userns()] {
        let seen = container
            .limit(Duration::from_secs(60))
            .run(&[
                "sh",
                "-c",
                "ulimit -n 8192 2>/dev/null; exec python3 -c \"$0\"",
                script,
            ])
            .ok();
        let lines = seen.lines();
        assert!(
            lines[0].starts_with("full ") && lines[0].ends_with("True"),
            "{seen}"
        );
        assert_eq!(lines[1], "1:3 True True", "{seen}");
        assert!(!seen.stderr.contains("panicked"), "{seen}");
    }
}
