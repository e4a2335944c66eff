//! The gate of cgroup v2: the program of [`sys::bpf`].

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use kobject::DevKind;
use sys::bpf::{self, DeviceMap, Key};

use super::{Access, Range, failed, named};

/// The map of an attached program; it stays attached, as it is then, when this is dropped.
#[derive(Debug)]
pub(super) struct Gate {
    map: DeviceMap,
}

impl Gate {
    /// Attaches a program that grants nothing to the empty cgroup `dir`.
    pub(super) fn put_up(dir: &Path) -> io::Result<Gate> {
        let put_up = |file: &File| -> sys::Result<Gate> {
            let map = DeviceMap::create()?;
            let program = bpf::load(&bpf::device_program(map.as_fd()))?;
            bpf::attach(file.as_fd(), program.as_fd())?;
            Ok(Gate { map })
        };
        let file = File::open(dir).map_err(|e| failed(format!("open({dir:?})"), e))?;
        put_up(&file).map_err(named)
    }

    pub(super) fn grant(&self, range: Range, access: Access) -> io::Result<()> {
        self.map.set(key(range), access.bits()).map_err(named)
    }

    pub(super) fn revoke(&self, range: Range) -> io::Result<()> {
        self.map.remove(key(range)).map(drop).map_err(named)
    }
}

/// `range` as the map has it.
pub(super) fn key(range: Range) -> Key {
    Key {
        kind: match range.kind {
            DevKind::Block => bpf::BLOCK,
            DevKind::Char => bpf::CHAR,
        },
        major: range.major,
        minor: range.minor.unwrap_or(bpf::ANY),
    }
}
