//! Which rules a container runs with: `/run/devns/ID/rules.json`.
//!
//! It is there from the moment that the container has a first process, written anew at each reload, readable by root
//! alone, and gone with the container.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sys::{Context, Result};

/// Where each running container has a directory, called after its id.
pub const TOP: &str = "/run/devns";

/// The names that are used in such a directory: the file, and the one that becomes it.
pub const FILES: [&str; 2] = ["rules.json", "rules.json.new"];

/// What a container runs with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// The rule file as it was named, or `builtin:NAME`.
    pub spec: String,
    /// The policy that was asked for, if one was.
    #[serde(rename = "use")]
    pub use_: Option<String>,
    /// The policy that it has.
    pub policy: String,
    /// What policies are chosen by.
    pub container: Container,
    /// The host's pid of its first process.
    pub pid: i32,
    /// The files that the rules were read from, the one that was named first; none for a built-in policy.
    pub sources: Vec<Source>,
}

/// A container, as the entries under `containers` tell it from others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The image that it was made of.
    #[serde(default)]
    pub image: Option<String>,
    /// Its annotations.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// Its cgroup, as in /proc/PID/cgroup.
    #[serde(default)]
    pub cgroup: Option<String>,
}

/// A file that rules were read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its name, as messages have it.
    pub name: String,
    /// What it held.
    pub text: String,
}

impl From<&policy::Container> for Container {
    fn from(container: &policy::Container) -> Container {
        Container {
            name: container.name.clone(),
            id: container.id.clone(),
            labels: container.labels.clone(),
            image: container.image.clone(),
            annotations: container.annotations.clone(),
            cgroup: container.cgroup.clone(),
        }
    }
}

impl From<Container> for policy::Container {
    fn from(container: Container) -> policy::Container {
        policy::Container {
            name: container.name,
            id: container.id,
            labels: container.labels,
            image: container.image,
            annotations: container.annotations,
            cgroup: container.cgroup,
        }
    }
}

impl Running {
    /// Writes it into `dir`, the container's directory: whoever reads finds the file of before, or this one, whole.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let [place, new] = FILES.map(|name| dir.join(name));
        let text = serde_json::to_vec_pretty(self).map_err(io::Error::other);
        let text = text.call(|| format!("json({place:?})"))?;
        let made = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&new);
        made.and_then(|mut file| file.write_all(&text))
            .call(|| format!("write({new:?})"))?;
        std::fs::rename(&new, &place).call(|| format!("rename({new:?}, {place:?})"))
    }

    /// Reads it from `dir`.
    ///
    /// # Errors
    /// NotFound: the container has no first process yet, or is gone.
    pub fn read(dir: &Path) -> io::Result<Running> {
        let file = File::open(dir.join(FILES[0]))?;
        serde_json::from_reader(io::BufReader::new(file)).map_err(io::Error::other)
    }
}

/// What the containers of this name run with; there may be several.
pub fn of(name: &str) -> io::Result<Vec<Running>> {
    let mut all = Vec::new();
    for id in ids_of(name)? {
        match Running::read(&Path::new(TOP).join(id)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            running => all.push(running?),
        }
    }
    Ok(all)
}

/// The ids of the containers with this name that there is a state of.
pub fn ids_of(name: &str) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(TOP) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let ids = entries
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned());
    // an id is the name and the pid of its devns
    let is_it = |id: &String| {
        id.rsplit_once('-')
            .is_some_and(|(of, pid)| of == name && pid.parse::<u32>().is_ok())
    };
    Ok(ids.filter(is_it).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_written_reads_back_and_is_roots() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(
            Running::read(dir.path()).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        let mut running = Running {
            spec: "rules.yaml".into(),
            use_: None,
            policy: "lab".into(),
            container: Container {
                name: "web1".into(),
                id: "web1".into(),
                labels: [("team".into(), "a\nb".into())].into(),
                image: Some("debian:12".into()),
                annotations: [("a".into(), "b".into())].into(),
                cgroup: Some("/devns/web1-7".into()),
            },
            pid: 4711,
            sources: vec![Source {
                name: "rules.yaml".into(),
                text: "version: 1\n".into(),
            }],
        };
        for policy in ["lab", "other"] {
            running.policy = policy.into();
            running.write(dir.path()).unwrap();
            assert_eq!(Running::read(dir.path()).unwrap(), running);
        }
        let meta = std::fs::metadata(dir.path().join("rules.json")).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        let text = std::fs::read_to_string(dir.path().join("rules.json")).unwrap();
        assert!(text.contains("\"use\": null"), "{text}");
    }
}
