//! A disk to plug and pull.

use std::path::PathBuf;

use cli::{Failure, Status};

/// A loop device that was not there.
pub struct Disk {
    number: u32,
    /// `loopN`.
    pub name: String,
}

impl Disk {
    /// One whose number is free.
    pub fn new() -> Result<Disk, Failure> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(40);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("loop{number}");
            if number > 4000 {
                return Err(Failure::new(Status::Host, "every loop device is in use"));
            }
            if !PathBuf::from(format!("/sys/class/block/{name}")).exists() {
                return Ok(Disk { number, name });
            }
        }
    }

    /// Make it appear.
    pub fn plug(&self) -> Result<(), Failure> {
        sys::loopdev::add(self.number).map_err(|e| {
            Failure::new(Status::Host, e.to_string())
                .mend("the demo needs loop devices: load the module with `modprobe loop`")
        })
    }

    /// Make it go.
    pub fn pull(&self) -> Result<(), Failure> {
        Ok(sys::loopdev::remove(self.number)?)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = sys::loopdev::remove(self.number);
    }
}
