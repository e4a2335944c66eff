//! The thread that hears events and carries each through.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bstr::BString;
use host::enumerate;
use host::monitor::Message;
use kobject::Devpath;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{pipe2, read, write};
use policy::{Policy, Shown, ViewChange};
use viewfs::Caches;

use crate::engine::Engine;
use crate::own::merge;
use crate::reload::{Order, Stopped};
use crate::tell::take_in;

/// How long a device whose decision needs udev's word stays hidden without it.
const UDEV_PATIENCE: Duration = Duration::from_secs(5);

/// How many messages one turn takes: a container can make interfaces come and go, and send what is no
/// uevent, without an end, and a host's device that vanishes must not wait for that.
const TURN: usize = 256;

/// The paths of one file system that a change of the view concerns.
pub type Paths = fn(&ViewChange) -> Vec<BString>;

/// Whether a device does not show whatever the view says.
pub type Hides = Box<dyn Fn(&Devpath) -> bool + Send>;

/// Told of a device to which access was taken back.
pub type OnRevoked = Box<dyn Fn(&Shown) + Send>;

/// Where changes go besides the container.
#[derive(Default)]
pub struct Outlets {
    /// The kernel's caches of the container's file systems, each with the paths that a change
    /// means there.
    pub caches: Vec<(Arc<dyn Caches>, Paths)>,
    /// Called once, with the reason, when what is mounted cannot be kept true any more: the container
    /// holds up its caches, access could not be revoked, the engine failed. It has to end then.
    pub on_broken: Option<Box<dyn FnOnce(String) + Send>>,
    /// Called after access to a device that has a number was taken back, wholly or in part, with the device
    /// as it was. It must not wait for anything: events wait for it.
    pub on_revoked: Option<OnRevoked>,
    /// Which devices of the view the file systems hide: the container hears nothing of them.
    pub hides: Option<Hides>,
}

/// A running engine; dropping it stops the thread.
pub struct Watch {
    /// Closed, it stops the thread; a byte in it is an order.
    wake: Option<OwnedFd>,
    orders: Sender<Order>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Hear events and carry them through, on a thread of its own.
    pub fn start(engine: Arc<Engine>, outlets: Outlets) -> sys::Result<Watch> {
        use sys::Context;
        let (woken, wake) = pipe2(nix::fcntl::OFlag::O_CLOEXEC).call(|| "pipe2()".into())?;
        let (orders, ordered) = channel();
        let mut watcher = Watcher {
            engine,
            outlets,
            waiting: BTreeMap::new(),
            heard: VecDeque::new(),
            added: BTreeMap::new(),
            renamed: BTreeMap::new(),
            scanned: 0,
            own_lost: false,
        };
        let thread = std::thread::Builder::new()
            .name("engine".into())
            .spawn(move || {
                let run = std::panic::AssertUnwindSafe(|| watcher.run(&woken, &ordered));
                match std::panic::catch_unwind(run) {
                    Ok(Ok(())) => {}
                    Ok(Err(e)) => watcher.give_up(&format!("the monitor failed: {e}")),
                    Err(_) => watcher.give_up("the engine panicked"),
                }
            })
            .call(|| "thread(engine)".into())?;
        Ok(Watch {
            wake: Some(wake),
            orders,
            thread: Some(thread),
        })
    }

    /// Another policy from now on: what the container has of it when this returns, and has been told. It is at no moment more
    /// than the one before and this one together show.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub fn set_policy(&self, policy: Arc<Policy>) -> Result<ViewChange, Stopped> {
        let (done, outcome) = channel();
        let order = Order { policy, done };
        self.orders.send(order).map_err(|_| Stopped)?;
        let wake = self.wake.as_ref().ok_or(Stopped)?;
        write(wake, b"o").map_err(|_| Stopped)?;
        outcome.recv().map_err(|_| Stopped)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

enum Woken {
    Stop,
    Order,
    Event,
}

pub(crate) struct Watcher {
    pub(crate) engine: Arc<Engine>,
    pub(crate) outlets: Outlets,
    /// Devices whose decision waits for udev, and until when; None: it has been said that they
    /// do.
    pub(crate) waiting: BTreeMap<Devpath, Option<Instant>>,
    /// What was taken in while something else was waited for.
    pub(crate) heard: VecDeque<Message>,
    /// The kernel's number of the event that brought each device to its name since we listen: what udev says
    /// about an older event is about another device.
    pub(crate) added: BTreeMap<Devpath, u64>,
    /// The names that devices had before, of those whose rename the container was told of: udev will tell of it too.
    pub(crate) renamed: BTreeMap<Devpath, Devpath>,
    /// The kernel's count of events when everything was looked at last.
    pub(crate) scanned: u64,
    /// Events of the container's own network namespace were lost, and what was left of them has not
    /// been read to the end.
    pub(crate) own_lost: bool,
}

impl Watcher {
    /// Until nobody can give an order any more.
    fn run(&mut self, wake: &OwnedFd, orders: &Receiver<Order>) -> nix::Result<()> {
        self.expect_udev();
        loop {
            match self.wait(wake)? {
                Woken::Stop => return Ok(()),
                Woken::Order => {
                    let _ = read(wake, &mut [0]);
                    if let Ok(order) = orders.try_recv() {
                        self.carry_out(order);
                    }
                }
                Woken::Event => {}
            }
            self.hear_own();
            self.hear_host();
            self.expect_udev();
            self.give_up_on_udev();
            if self.engine.is_broken.load(Ordering::SeqCst) {
                self.give_up("access to a device could not be revoked");
            }
        }
    }

    /// Have the container ended; said and done once.
    pub(crate) fn give_up(&mut self, why: &str) {
        if let Some(on_broken) = self.outlets.on_broken.take() {
            on_broken(why.to_string());
        }
    }

    /// Wait for something to do.
    fn wait(&self, wake: &OwnedFd) -> nix::Result<Woken> {
        let next = self.waiting.values().flatten().min();
        let timeout = if self.heard.is_empty() {
            next.map_or(PollTimeout::NONE, |at| {
                let left = at.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
                PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
            })
        } else {
            PollTimeout::ZERO
        };
        let mut fds = [
            PollFd::new(wake.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.engine.host_monitor.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.engine.own_monitor.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut fds, timeout) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(e) => return Err(e),
        }
        let woken = fds[0].revents().unwrap_or(PollFlags::empty());
        Ok(match woken.contains(PollFlags::POLLIN) {
            true => Woken::Order,
            false if woken.is_empty() => Woken::Event,
            false => Woken::Stop,
        })
    }

    fn hear_own(&mut self) {
        let mut heard = false;
        let mut is_end = false;
        for _ in 0..TURN {
            match self.engine.own_monitor.receive() {
                Ok(Some(Message::Kernel(event))) => heard |= enumerate::is_net_path(&event.devpath),
                Ok(Some(Message::Overrun)) => self.own_lost = true,
                Ok(Some(Message::Udev(_) | Message::Noise)) => {}
                Ok(None) => {
                    is_end = true;
                    break;
                }
                Err(e) => {
                    log::error!("{e}");
                    break;
                }
            }
        }
        if heard || self.own_lost {
            self.own_lost &= !is_end;
            self.look_at_own();
        }
    }

    /// Bring the container's interfaces up to date. The kernel has told the container itself.
    pub(crate) fn look_at_own(&mut self) {
        let gone = self.engine.let_go_of_interfaces();
        self.forget(&gone);
        let mut new = self.engine.take_up_interfaces();
        merge(&mut new, std::mem::take(&mut *self.engine.taken_up.lock()));
        self.forget(&new);
    }

    pub(crate) fn hear_host(&mut self) {
        // first all that takes access away: a number is another device's as soon as its device is gone
        take_in(&self.engine, self.scanned, &mut self.heard);
        for _ in 0..TURN {
            let next = match self.heard.pop_front() {
                Some(message) => Ok(Some(message)),
                None => self.engine.host_monitor.receive(),
            };
            match next {
                Ok(Some(Message::Kernel(event))) if self.is_outdated(&event) => {
                    self.outdated(event)
                }
                Ok(Some(Message::Kernel(event))) => self.kernel(event),
                Ok(Some(Message::Udev(message))) => self.udev(message),
                Ok(Some(Message::Noise)) => {}
                Ok(Some(Message::Overrun)) => self.rescan(),
                Ok(None) => return,
                Err(e) => {
                    log::error!("{e}");
                    return;
                }
            }
        }
    }

    /// Say which devices udev has not spoken of in time. They stay hidden: what is not known does
    /// not show. Should it speak after all, that counts.
    pub(crate) fn give_up_on_udev(&mut self) {
        let now = Instant::now();
        let mut late = Vec::new();
        for (devpath, until) in &mut self.waiting {
            if until.take_if(|at| *at <= now).is_some() {
                late.push(devpath.to_string());
            }
        }
        if !late.is_empty() {
            let some = late[..late.len().min(5)].join(" ");
            log::warn!(
                "udev has not spoken of {} devices within {UDEV_PATIENCE:?}, and what rules want to \
                 know of them only it can say; they stay hidden: {some}",
                late.len()
            );
        }
    }

    /// Note which devices wait for udev. Looks at all that are not simply hidden, so not after each event.
    pub(crate) fn expect_udev(&mut self) {
        if !self.engine.udev {
            return;
        }
        let until = Instant::now() + UDEV_PATIENCE;
        let scene = self.engine.scene.read();
        let waits: BTreeSet<Devpath> = scene.view.waiting().cloned().collect();
        self.waiting.retain(|d, _| waits.contains(d));
        for devpath in waits {
            self.waiting.entry(devpath).or_insert(Some(until));
        }
    }
}
