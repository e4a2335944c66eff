//! The rules of a running container: which they are, and others in their place.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cli::reload::{self, Reloads};
use cli::rules::{self, Loaded};
use cli::running::Running;
use cli::{Failure, Status};
use engine::Watch;
use fusefs_dev::DevFs;
use parking_lot::Mutex;
use policy::{Container, Policy};

use crate::args::RunArgs;

/// The rules that a container was started with, and who it is to them.
pub struct Rules {
    spec: String,
    use_: Option<String>,
    watch: bool,
    container: Container,
    loaded: Loaded,
}

impl Rules {
    /// Those that were asked for.
    pub fn load(args: &RunArgs, container: &Container) -> Result<Rules, Failure> {
        if args.watch {
            reload::may_watch(&args.policy)?;
        }
        Ok(Rules {
            spec: args.policy.clone(),
            use_: args.use_.clone(),
            watch: args.watch,
            container: container.clone(),
            loaded: rules::load_with_sources(&args.policy)?,
        })
    }

    /// The policy that the container gets.
    pub fn select(&self) -> Result<Arc<Policy>, Failure> {
        self.select_from(&self.loaded)
    }

    /// Says what is hardly meant in them.
    pub fn warn(&self) {
        rules::warn(&self.loaded.rules);
    }

    fn select_from(&self, loaded: &Loaded) -> Result<Arc<Policy>, Failure> {
        let use_ = self.use_.as_deref();
        rules::select(&loaded.rules, &self.spec, use_, &self.container)
    }

    /// What is to be written down of it in `dir`.
    pub fn record(&self, dir: &Path, policy: &Policy) -> Record {
        let running = Running {
            spec: self.spec.clone(),
            use_: self.use_.clone(),
            policy: policy.name().into(),
            container: (&self.container).into(),
            pid: 0,
            sources: self.loaded.sources.clone(),
        };
        Record {
            dir: dir.into(),
            running: Arc::new(Mutex::new(running)),
        }
    }

    /// Takes changed rules up from now on; None for a built-in policy, which does not change.
    pub fn reloads(
        self,
        record: Record,
        now: Arc<Policy>,
        dev: Arc<DevFs>,
        watch: Arc<Watch>,
    ) -> Result<Option<Reloads>, Failure> {
        if !reload::is_file(&self.spec) {
            return Ok(None);
        }
        let (spec, on_save, loaded) = (self.spec.clone(), self.watch, self.loaded.clone());
        let take = move |loaded: &Loaded| {
            let policy = self.select_from(loaded)?;
            // first what may be refused
            reload::same_cpus(&now, &policy)?;
            fusefs_dev::fit(&dev, &policy)?;
            let change = watch.set_policy(policy.clone());
            let change = change.map_err(|e| Failure::new(Status::Other, e.to_string()))?;
            record.reloaded(&policy, loaded);
            Ok(reload::describe(&change))
        };
        Ok(Some(Reloads::start(
            &spec,
            loaded,
            on_save,
            Box::new(take),
        )?))
    }
}

/// What is written down of the rules of a running container, for `devns explain` and the like.
#[derive(Clone)]
pub struct Record {
    dir: PathBuf,
    /// Locked while it is written, so that what was last is what is there.
    running: Arc<Mutex<Running>>,
}

impl Record {
    /// Its first process is there.
    pub fn started(&self, pid: i32) {
        let mut running = self.running.lock();
        running.pid = pid;
        self.write(&running);
    }

    fn reloaded(&self, policy: &Policy, loaded: &Loaded) {
        let mut running = self.running.lock();
        running.policy = policy.name().into();
        running.sources = loaded.sources.clone();
        if running.pid != 0 {
            self.write(&running);
        }
    }

    /// Nothing that the container can do rests on it.
    fn write(&self, running: &Running) {
        if let Err(e) = running.write(&self.dir) {
            log::warn!("{e}");
        }
    }
}
