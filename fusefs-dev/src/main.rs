//! Mounts one view of /dev without a daemon.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use cli::mount::{FileSystem, Served, run};
use fusefs_dev::args::Args;
use fusefs_dev::{DevFs, Owners};
use sys::namespace::IdMap;

/// Ids of a container whose root is `outside` on the host, which may own as many as one usually has:
/// more could be those of the next.
fn ids_from(outside: u32) -> IdMap {
    match outside {
        0 => IdMap::IDENTITY,
        _ => IdMap {
            outside,
            count: 65_536,
        },
    }
}

fn main() -> ExitCode {
    cli::start_log(fusefs_dev::SUBTYPE);
    let args = Args::parse();
    let file_system = FileSystem {
        name: fusefs_dev::SUBTYPE,
        dev: true,
        serve: |mount, engine, _, (uid, gid)| {
            // without a container the names are those of whoever mounts
            let root = Some(std::fs::File::open("/")?.into());
            let owners = Owners::new(ids_from(uid), root).with_groups(ids_from(gid));
            let fs = DevFs::new(engine.scene(), engine.clone(), owners);
            let fs = Arc::new(fs.map_err(std::io::Error::other)?);
            Ok(Served {
                session: mount.serve_store(fs.clone())?,
                fit: Box::new(move |policy| Ok(fusefs_dev::fit(&fs, policy)?)),
            })
        },
        paths: fusefs_dev::paths,
    };
    match run(args.mount.with_cgroup(args.cgroup), &file_system) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("fusefs-dev: {e}");
            ExitCode::from(e.status as u8)
        }
    }
}
