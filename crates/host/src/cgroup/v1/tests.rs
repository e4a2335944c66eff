//! On the real kernel: needs root and the v1 `devices` hierarchy; elsewhere it says so and passes.

use kobject::DevKind;

use super::super::Hierarchies;
use super::*;

/// A cgroup that has no more than `c 1:5 rw`, and one in it; removed when dropped.
struct Poor(PathBuf);

impl Poor {
    fn make() -> Option<Poor> {
        let hierarchies = Hierarchies::detect().unwrap();
        let Some(root) = hierarchies
            .v1()
            .filter(|_| nix::unistd::geteuid().is_root())
        else {
            eprintln!("skipped: needs root and a mounted v1 devices hierarchy");
            return None;
        };
        let poor = Poor(root.join(format!(
            "devns-test-poor-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        )));
        fs::create_dir(&poor.0).unwrap();
        fs::write(poor.0.join("devices.deny"), "a").unwrap();
        fs::write(poor.0.join("devices.allow"), "c 1:5 rw").unwrap();
        fs::create_dir(poor.inner()).unwrap();
        Some(poor)
    }

    fn inner(&self) -> PathBuf {
        self.0.join("inner")
    }

    fn list(&self) -> String {
        fs::read_to_string(self.inner().join("devices.list")).unwrap()
    }
}

impl Drop for Poor {
    fn drop(&mut self) {
        let _ = fs::remove_dir(self.inner());
        let _ = fs::remove_dir(&self.0);
    }
}

fn char(major: u32, minor: u32) -> Range {
    Range {
        kind: DevKind::Char,
        major,
        minor: Some(minor),
    }
}

#[test]
fn what_the_parent_lacks_is_refused_and_changes_nothing() {
    let Some(poor) = Poor::make() else { return };
    assert_ne!(poor.list(), "");
    let gate = Gate::put_up(&poor.inner()).unwrap();
    assert_eq!(poor.list(), "");
    gate.grant(char(1, 5), Access::READ).unwrap();

    let refused = gate.grant(char(1, 3), Access::READ).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
    let file = poor.inner().join("devices.allow");
    assert_eq!(
        refused.to_string(),
        format!("write({file:?}, \"c 1:3 r\"): operation not permitted")
    );
    // neither does a change that fails halfway, nor is it in the way of the next
    gate.grant(char(1, 5), Access::WRITE | Access::MKNOD)
        .unwrap_err();
    assert_eq!(poor.list(), "c 1:5 r\n");
    gate.grant(char(1, 5), Access::WRITE).unwrap();
    assert_eq!(poor.list(), "c 1:5 w\n");
    gate.revoke(char(1, 5)).unwrap();
    gate.revoke(char(1, 5)).unwrap();
    assert_eq!(poor.list(), "");
}

#[test]
fn a_cgroup_that_is_gone_has_nothing_to_revoke() {
    let Some(poor) = Poor::make() else { return };
    let gate = Gate::put_up(&poor.inner()).unwrap();
    gate.grant(char(1, 5), Access::READ).unwrap();
    fs::remove_dir(poor.inner()).unwrap();
    gate.revoke(char(1, 5)).unwrap();
    gate.grant(char(1, 5), Access::ALL).unwrap_err();
}
