//! `--device HOST[:CONTAINER][:LETTERS]` of docker(1) and podman(1).

mod alternatives;

pub use alternatives::{Seen, SeenDevice};

use crate::{
    ImportError,
    access::Access,
    grants::{self, Grant, What},
    name,
    text::{File, Policy},
    wrong,
};

/// One flag.
#[derive(Clone, Debug)]
pub(crate) struct Flag {
    /// As it is written.
    text: String,
    host: String,
    container: String,
    access: Access,
    seen: Option<Seen>,
}

/// Directories that drivers have their nodes in (`devnode` of their classes), for where nobody can look.
const DIRECTORIES: &[&str] = &[
    "snd",
    "dri",
    "input",
    "bus/usb",
    "infiniband",
    "vfio",
    "net",
    "mapper",
    "dma_heap",
    "accel",
];

impl Flag {
    /// As docker's client reads it (`parseLinuxDevice`): of two parts the second is letters if it can be.
    pub fn parse(text: &str, seen: Option<Seen>) -> Result<Flag, ImportError> {
        let source = format!("--device {text}");
        let parts: Vec<&str> = text.split(':').collect();
        let (host, container, letters) = match parts[..] {
            [host] => (host, host, "rwm"),
            [host, letters] if Access::parse(letters).is_some() => (host, host, letters),
            [host, container] => (host, container, "rwm"),
            [host, container, letters] => (host, container, letters),
            _ => {
                return Err(wrong(
                    source,
                    "more than HOST:CONTAINER:LETTERS, such as /dev/ttyUSB0:/dev/modem:rw",
                ));
            }
        };
        let container = if container.is_empty() {
            host
        } else {
            container
        };
        let access = Access::parse(letters).ok_or_else(|| {
            let letters = crate::text::shown(letters);
            let message = format!("`{letters}` is not of the letters r, w and m, each once");
            wrong(source.clone(), message)
        })?;
        let is_cdi = !host.starts_with('/') && host.contains('=') && parts.len() == 1;
        if !host.starts_with('/') && !is_cdi {
            let message = "the device is no path, such as /dev/ttyUSB0, and no CDI device, such as vendor.com/class=name";
            return Err(wrong(source, message));
        }
        Ok(Flag {
            text: text.to_owned(),
            host: host.to_owned(),
            container: container.to_owned(),
            access,
            seen,
        })
    }

    /// What it gives; a comment for nothing.
    fn grant(&self, file: &mut File) -> Result<Grant, String> {
        let source = format!("--device {}", self.text);
        let mut comments = vec![source.clone()];
        let Some(host) = name::below_dev(&self.host) else {
            let text = match self.host.starts_with('/') {
                true => "the device is not below /dev",
                false => "a device of a CDI specification: import that, with --cdi",
            };
            return Err(format!("{source}: {}", file.note(&source, text)));
        };
        let seen = self.seen.as_ref();
        let is_directory = match seen {
            Some(seen) => matches!(seen, Seen::Directory),
            None => self.host.ends_with('/') || DIRECTORIES.contains(&host.as_str()),
        };
        // a link leads to the node today
        let real = match seen {
            Some(Seen::Device(device)) => device.devname.clone(),
            _ => host.clone(),
        };
        let inside = name::below_dev(&self.container);
        if inside.is_none() {
            let text = "the path inside is not below /dev, so the device has its own name only";
            comments.push(file.note(&source, text));
        }
        let what = match What::named(&host) {
            _ if is_directory => What::Directory(host),
            What::Link(link) => What::Link(link),
            _ => What::Name(real.clone()),
        };
        // what there is without a link of the rule's
        let there = match &what {
            What::Link(link) => link,
            _ => &real,
        };
        let link = inside.filter(|inside| inside != there);
        if matches!(what, What::Name(_)) && real != self.host_name() {
            let text = format!("a link, which leads to {real} now; the rule is about that name");
            comments.push(file.note(&source, text));
        }
        if is_directory && link.is_some() {
            let text = "links are to what is in the directory itself and have the kernel's names";
            comments.push(file.note(&source, text));
        }
        if let Some(Seen::Device(device)) = seen {
            comments.extend(device.alternatives(self.access.write));
        }
        Ok(Grant {
            source,
            comments,
            what,
            access: self.access,
            name: self.container.clone(),
            link,
            node: Vec::new(),
        })
    }

    fn host_name(&self) -> String {
        name::below_dev(&self.host).unwrap_or_default()
    }
}

/// The policy of these flags.
pub(crate) fn policy(file: &mut File, name: &str, flags: Vec<Flag>) {
    let mut policy = Policy {
        name: name.to_owned(),
        comments: vec![
            "What --device gives. Beside these, `minimal` shows what every container has. A name"
                .to_owned()
                + " of the container's is a link to the node, which has the host's; `rw` includes mknod of that node.",
        ],
        ..Policy::default()
    };
    let mut granted = Vec::new();
    for flag in &flags {
        match flag.grant(file) {
            Ok(grant) => granted.push(grant),
            Err(comment) => policy.comments.push(comment),
        }
    }
    grants::rules(file, &mut policy, &granted);
    file.push(policy);
}
