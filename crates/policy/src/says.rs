//! What a rule says beside how a device shows.

use std::sync::{Arc, LazyLock};

use crate::{glob::Globs, node::NodeSays};

/// Everything of a rule but what it is about and how that shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Says {
    pub sysfs: SysfsGlobs,
    pub node: NodeSays,
    pub events: Events,
    /// None: as the policy has it.
    pub ancestors: Option<Ancestors>,
}

impl Says {
    /// What holds where no rule decides.
    pub fn nothing() -> Arc<Says> {
        static NOTHING: LazyLock<Arc<Says>> = LazyLock::new(Arc::default);
        NOTHING.clone()
    }
}

/// The `sysfs` part of a rule: globs over paths relative to the device's directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SysfsGlobs {
    pub write: Globs,
    pub hide: Globs,
}

/// Which events of a device its container gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Events {
    /// The kernel's uevents: for a container with a udev of its own, or with programs that hear the kernel.
    #[default]
    Kernel,
    /// What the host's udev says once it has processed them: for programs that use libudev where no udev runs.
    Udev,
    /// Both.
    Both,
    /// None: the device comes and goes in silence.
    None,
}

impl Events {
    /// Whether the kernel's are among them.
    pub fn of_kernel(self) -> bool {
        matches!(self, Events::Kernel | Events::Both)
    }

    /// Whether udev's are.
    pub fn of_udev(self) -> bool {
        matches!(self, Events::Udev | Events::Both)
    }

    /// The word of the rule language.
    pub fn as_str(self) -> &'static str {
        match self {
            Events::Kernel => "kernel",
            Events::Udev => "udev",
            Events::Both => "both",
            Events::None => "none",
        }
    }
}

/// What shows of the devices above one that shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ancestors {
    /// Their names, and their own files to read, without attribute groups.
    #[default]
    Files,
    /// Their names only.
    Skeleton,
}

impl Ancestors {
    /// The word of the rule language.
    pub fn as_str(self) -> &'static str {
        match self {
            Ancestors::Files => "files",
            Ancestors::Skeleton => "skeleton",
        }
    }
}
