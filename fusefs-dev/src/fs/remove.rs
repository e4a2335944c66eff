//! Removing and renaming.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::SystemTime;

use bstr::BString;
use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::Errno;
use viewfs::{Error, Replace};

use super::DevFs;
use super::state::{Found, State, split};
use crate::own::host;

/// What is given where it is cannot be moved or replaced.
const BUSY: Error = Error::Host(libc::EBUSY);

impl State {
    fn own_of(&self, number: u64) -> Result<(BString, Arc<OwnedFd>), Error> {
        let (path, own) = self.directory(number)?;
        Ok((path, own.ok_or(Error::NotFound)?))
    }

    /// See [`viewfs::Store::unlink`].
    pub fn unlink(&mut self, parent: u64, name: &[u8]) -> Result<(), Error> {
        self.unsure.check(parent, name)?;
        let found = self.find(parent, name)?;
        let (dir, _) = self.directory(parent)?;
        let path = BString::from([dir.as_slice(), b"/", name].concat());
        match found {
            Found::Directory { .. } => return Err(Error::IsDirectory),
            Found::Given { item, .. } if item.is_fixed() => return Err(Error::NotPermitted),
            Found::Given { .. } => {}
            Found::Own(..) => {
                let (_, own) = self.own_of(parent)?;
                rustix::fs::unlinkat(&own, name, AtFlags::empty()).map_err(host)?;
            }
        }
        self.leave(path);
        Ok(())
    }

    /// The container does not want at `path` what is given there.
    fn leave(&mut self, path: BString) {
        if let Some(item) = self.given.get(&path).filter(|item| !item.is_fixed()) {
            self.removed.insert(path.clone(), item.clone());
            if let Some((above, _)) = split(&path) {
                self.times.insert(above.into(), SystemTime::now());
            }
            self.numbers.retire(&path);
        }
    }

    /// See [`viewfs::Store::rmdir`].
    pub fn rmdir(&mut self, parent: u64, name: &[u8]) -> Result<(), Error> {
        self.unsure.check(parent, name)?;
        let Found::Directory { path, own } = self.find(parent, name)? else {
            return Err(Error::NotDirectory);
        };
        if self.given.contains_key(&path) {
            let has_names = self.given_in(&path).next().is_some();
            return Err(if has_names { NOT_EMPTY } else { BUSY });
        }
        let (own, _) = own.ok_or(Error::NotFound)?;
        let (_, above) = self.own_of(parent)?;
        let remove = || rustix::fs::unlinkat(&above, name, AtFlags::REMOVEDIR);
        let removed = remove().or_else(|e| match e {
            Errno::NOTEMPTY => {
                self.clear(&own);
                remove()
            }
            e => Err(e),
        });
        removed.map_err(host)?;
        self.implied.remove(&path);
        self.numbers.retire(&path);
        Ok(())
    }

    /// Whether something that is given is at `path` or below it.
    fn holds_given(&self, path: &BString) -> bool {
        let below = BString::from([path.as_slice(), b"/"].concat());
        self.given.contains_key(path)
            || (self.given.range(below.clone()..).next())
                .is_some_and(|(path, _)| path.starts_with(&below))
    }
}

const NOT_EMPTY: Error = Error::Host(libc::ENOTEMPTY);

impl DevFs {
    /// See [`viewfs::Store::rename`].
    pub(super) fn rename_to(
        &self,
        from: (u64, &[u8]),
        to: (u64, &[u8]),
        how: Replace,
    ) -> Result<(), Error> {
        let mut state = self.now();
        state.unsure.check(from.0, from.1)?;
        state.unsure.check(to.0, to.1)?;
        let source = state.find(from.0, from.1)?;
        let (from_dir, _) = state.directory(from.0)?;
        let (to_dir, _) = state.directory(to.0)?;
        let old = BString::from([from_dir.as_slice(), b"/", from.1].concat());
        let new = BString::from([to_dir.as_slice(), b"/", to.1].concat());
        let moves_directory = match &source {
            Found::Given { .. } => return Err(Error::NotPermitted),
            Found::Directory { path, .. } if state.holds_given(path) => return Err(BUSY),
            Found::Directory { .. } => true,
            Found::Own(..) => false,
        };
        let target = match state.find(to.0, to.1) {
            Err(Error::NotFound) => None,
            found => Some(found?),
        };
        match (&target, how) {
            (None, Replace::Exchange) => return Err(Error::NotFound),
            (Some(_), Replace::Never) => return Err(Error::Host(libc::EEXIST)),
            _ => {}
        }
        let target_is_directory = matches!(target, Some(Found::Directory { .. }));
        match &target {
            Some(Found::Given { item, .. }) if item.is_fixed() => return Err(BUSY),
            Some(Found::Given { .. }) if how == Replace::Exchange => return Err(BUSY),
            Some(Found::Given { .. }) if moves_directory => return Err(Error::NotDirectory),
            Some(Found::Directory { path, .. }) if state.holds_given(path) => {
                return Err(match moves_directory {
                    true => BUSY,
                    false => Error::IsDirectory,
                });
            }
            _ => {}
        }
        if let Found::Directory {
            own: Some((own, _)),
            ..
        } = &source
        {
            state.may_move(own, &old, &new)?;
        }
        if let (
            Replace::Exchange,
            Some(Found::Directory {
                own: Some((own, _)),
                ..
            }),
        ) = (how, &target)
        {
            state.may_move(own, &new, &old)?;
        }
        if let Some(Found::Directory {
            own: Some((own, _)),
            ..
        }) = &target
            && how == Replace::Yes
        {
            state.clear(own);
        }
        let (_, from_own) = state.own_of(from.0)?;
        let to_own = state.own_directory(to.0)?;
        let flags = match how {
            Replace::Exchange => RenameFlags::EXCHANGE,
            // what does not show is in nobody's way
            Replace::Yes | Replace::Never => RenameFlags::empty(),
        };
        rustix::fs::renameat_with(&from_own, from.1, &to_own, to.1, flags)
            .map_err(|e| self.failed(e))?;
        if how == Replace::Exchange {
            // no name has this byte, so nothing of either directory is there
            let aside = BString::from("\0");
            state.moved(&old, &aside);
            if target_is_directory {
                state.moved(&new, &old);
            }
            if moves_directory {
                state.moved(&aside, &new);
            }
        } else if old != new {
            state.numbers.retire(&new);
            state.implied.remove(&new);
            if moves_directory {
                state.moved(&old, &new);
            }
            state.leave(old);
        }
        Ok(())
    }
}

impl State {
    /// A directory of the container's own has another path now.
    fn moved(&mut self, from: &BString, to: &BString) {
        self.numbers.move_to(from, to);
        let below = BString::from([from.as_slice(), b"/"].concat());
        let of_it = |path: &BString| path == from || path.starts_with(&below);
        for path in self.implied.extract_if(of_it).collect::<Vec<_>>() {
            let path = [to.as_slice(), &path[from.len()..]].concat();
            self.implied.insert(path.into());
        }
    }
}
