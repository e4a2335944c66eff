//! Mounts one view of /sys without a daemon.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use cli::mount::{FileSystem, Served, run};
use fusefs_sysfs::Cpus;
use fusefs_sysfs::args::Args;

fn main() -> ExitCode {
    cli::start_log(fusefs_sysfs::SUBTYPE);
    let args = Args::parse();
    let file_system = FileSystem {
        name: fusefs_sysfs::SUBTYPE,
        dev: false,
        serve: |mount, engine, sysfs, root| {
            let policy = engine.scene().read().view.policy().clone();
            // there is no container: whoever mounts stands for it
            let cpus = fusefs_sysfs::cpus(&policy, std::process::id() as i32);
            let cpus = cpus.map_err(std::io::Error::other)?;
            let cpus = cpus.map(|cpus| cpus as Arc<dyn Cpus>);
            let tree = fusefs_sysfs::tree(engine, sysfs, root, cpus);
            Ok(Served {
                session: mount.serve(Arc::new(tree))?,
                fit: Box::new(move |new| cli::reload::same_cpus(&policy, new)),
            })
        },
        paths: fusefs_sysfs::paths,
    };
    match run(args.mount, &file_system) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("fusefs-sysfs: {e}");
            ExitCode::from(e.status as u8)
        }
    }
}
