//! Debian packages that a task needs: installed when they can be, named when they cannot.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::say::{output, progress, run, top};

/// Make sure of the packages that the tests list for themselves.
pub fn for_tests() -> Result<()> {
    let path = top().join("tests/packages.txt");
    let text = std::fs::read_to_string(&path).with_context(|| format!("{path:?}"))?;
    ensure(&listed(&text))
}

/// The packages of a list: one a line, `#` begins a comment.
fn listed(text: &str) -> Vec<&str> {
    text.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|name| !name.is_empty())
        .collect()
}

/// Make sure that `packages` are installed.
pub fn ensure(packages: &[&str]) -> Result<()> {
    let missing = missing(packages)?;
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if !nix::unistd::geteuid().is_root() {
        bail!("Debian packages are missing; install them as root: apt-get install {names}");
    }
    progress(&format!(
        "installing the Debian packages that are missing: {names}"
    ));
    if install(&missing).is_ok() {
        return Ok(());
    }
    // the package lists are old, or were never fetched
    run(apt().arg("update")).context("the Debian packages cannot be had")?;
    install(&missing).with_context(|| format!("install them by hand: apt-get install {names}"))
}

fn missing<'a>(packages: &[&'a str]) -> Result<Vec<&'a str>> {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat", "${Package} ${db:Status-Status}\n"]);
    let table = output(&mut query).with_context(|| {
        format!(
            "this is no Debian machine; what it needs is there called {}",
            packages.join(" ")
        )
    })?;
    Ok(not_in(&table, packages))
}

fn not_in<'a>(table: &str, packages: &[&'a str]) -> Vec<&'a str> {
    let has = |name: &str| {
        table
            .lines()
            .any(|line| line == format!("{name} installed"))
    };
    packages.iter().copied().filter(|name| !has(name)).collect()
}

fn apt() -> Command {
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive")
        .args(["-qq", "-o", "Dpkg::Use-Pty=0"]);
    apt.stdout(Stdio::null());
    apt
}

fn install(packages: &[&str]) -> Result<()> {
    run(apt()
        .args(["install", "-y", "--no-install-recommends"])
        .args(packages))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_comments_and_blank_lines() {
        assert_eq!(
            listed("# all\n\nudev  # udevadm\n  fuse3\n#mount\n"),
            ["udev", "fuse3"]
        );
    }

    #[test]
    fn removed_packages_whose_configuration_is_left_are_missing() {
        let table = "udev installed\nfuse3 config-files\nudev-extra installed\n";
        assert_eq!(
            not_in(table, &["udev", "fuse3", "strace"]),
            ["fuse3", "strace"]
        );
    }
}
