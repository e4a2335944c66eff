"""Processes that change /dev while devices come and go, and know what must be there.

Their own entries have a reference: the same is done below /dev/shm, a tmpfs, and has to have the same
outcome. What they change of a device's node, and nodes that they make of it, last until it goes: the node
of each device that comes has the time of that as its own (nobody here sets it).
"""
import errno, json, os, random, stat

DEV, REFERENCE = "/dev", "/dev/shm"
LINKS = f"{DEV}/by/stress"
ACL = "system.posix_acl_access"


def outcome(work):
    try:
        return work() or "done"
    except OSError as e:
        return errno.errorcode[e.errno]


def text(path):
    with open(path) as f:
        return f.read()


def write(path, content):
    with open(path, "a") as f:
        f.write(content)


def facts(path, below):
    """What is at a path, as lines that can be compared."""
    s = os.lstat(path)
    what = f"{below} {s.st_mode:o} {s.st_uid} {s.st_gid}"
    if stat.S_ISDIR(s.st_mode):
        names = sorted(os.listdir(path))
        return [what] + [line for name in names for line in facts(f"{path}/{name}", f"{below}/{name}")]
    more = os.readlink(path) if stat.S_ISLNK(s.st_mode) else text(path) if stat.S_ISREG(s.st_mode) else ""
    return [f"{what} {s.st_nlink} {more}"]


def wipe(path):
    if os.path.isdir(path) and not os.path.islink(path):
        for name in os.listdir(path):
            wipe(f"{path}/{name}")
        os.rmdir(path)
    else:
        os.unlink(path)


def acl_for(uid):
    entry = lambda tag, perm, who: bytes([tag, 0, perm, 0]) + (who & 0xFFFFFFFF).to_bytes(4, "little")
    entries = entry(1, 6, -1), entry(2, 6, uid), entry(4, 0, -1), entry(16, 6, -1), entry(32, 0, -1)
    return bytes([2, 0, 0, 0]) + b"".join(entries)


def acl_of(path):
    try:
        return os.getxattr(path, ACL).hex()
    except OSError as e:
        if e.errno == errno.ENODATA:
            return None
        raise


def since(node):
    """Since when a device's node is there: the owner that it has is set, so that the server is asked: the kernel
    may not have heard yet that it is gone."""
    fd = os.open(node, os.O_PATH | os.O_NOFOLLOW)
    try:
        s = os.stat(f"/proc/self/fd/{fd}")
        if not stat.S_ISBLK(s.st_mode):
            raise FileNotFoundError(errno.ENOENT, "no node", node)
        os.chown(f"/proc/self/fd/{fd}", s.st_uid, -1)
        return s.st_mtime_ns
    finally:
        os.close(fd)


class Changer:
    """One process's part; `devices` are numbers of loop devices whose nodes nobody else changes, `hidden` is
    one that the container must not have."""

    def __init__(self, number, devices, hidden, marks=None):
        self.number, self.devices, self.hidden = number, devices, hidden
        self.random = random.Random()
        self.own, self.twin = f"{DEV}/c{number}", f"{REFERENCE}/c{number}"
        self.counts, self.faults = {}, {}
        # node -> since when, attributes, ACL; what was made of a device -> its number, since when
        self.marks, self.made = marks or ({}, {})
        for top in (self.own, self.twin, f"{REFERENCE}/over{number}", f"{REFERENCE}/by{number}"):
            os.makedirs(top, exist_ok=True)

    def fault(self, what, where):
        self.faults.setdefault(what, [0, where])[0] += 1

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def step(self):
        how = self.random.choices((self.change_own, self.change_node, self.take_name, self.stand_by, self.make_node),
                                  (6, 4, 1, 2, 2))[0]
        try:
            how()
        except OSError as e:
            self.fault(f"{how.__name__}: {e.strerror}", e.filename)

    def path(self):
        return "/".join(self.random.choice("abcd") for _ in range(self.random.choice((1, 1, 2, 3))))

    def change_own(self):
        """The same in /dev and in the reference."""
        r, a, b = self.random, self.path(), self.path()
        mode = r.choice((0o600, 0o640, 0o755))
        name, work = r.choice((
            ("create", lambda top: os.close(os.open(f"{top}/{a}", os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))),
            ("mkdir", lambda top: os.mkdir(f"{top}/{a}", 0o700 | mode)),
            ("mkfifo", lambda top: os.mkfifo(f"{top}/{a}", mode)),
            ("symlink", lambda top: os.symlink(f"nowhere/{b}", f"{top}/{a}")),
            ("link", lambda top: os.link(f"{top}/{a}", f"{top}/{b}", follow_symlinks=False)),
            ("rename", lambda top: os.rename(f"{top}/{a}", f"{top}/{b}")),
            ("unlink", lambda top: os.unlink(f"{top}/{a}")),
            ("rmdir", lambda top: os.rmdir(f"{top}/{a}")),
            ("chmod", lambda top: os.chmod(f"{top}/{a}", 0o700 | mode)),
            ("chown", lambda top: os.chown(f"{top}/{a}", 0, r_gid, follow_symlinks=False)),
            ("setfacl", lambda top: os.setxattr(f"{top}/{a}", ACL, acl_for(r_gid))),
            ("write", lambda top: stat.S_ISREG(os.lstat(f"{top}/{a}").st_mode) and write(f"{top}/{a}", b) and None),
            ("list", lambda top: str(sorted(os.listdir(f"{top}/{a}")))),
        ))
        r_gid = r.randrange(1, 9)
        is_, wanted = outcome(lambda: work(self.own)), outcome(lambda: work(self.twin))
        self.count(name)
        if is_ != wanted:
            self.fault(f"{name}: {is_}, not {wanted}", f"{self.own}/{a} {b}")

    def node(self):
        return f"{DEV}/loop{self.random.choice(self.devices)}"

    def change_node(self):
        """Mode, owner and ACL of a node are the given ones, or what was made of them."""
        path = self.node()
        try:
            fd = os.open(path, os.O_PATH | os.O_NOFOLLOW)
        except FileNotFoundError:
            return
        try:
            by = f"/proc/self/fd/{fd}"
            if not stat.S_ISBLK(os.stat(by).st_mode):
                return
            self.look(path, by)
            name, work = self.random.choice((
                ("chmod node", lambda: os.chmod(by, self.random.choice((0o600, 0o644, 0o666)))),
                ("chown node", lambda: os.chown(by, self.random.randrange(9), self.random.randrange(9))),
                ("setfacl node", lambda: os.setxattr(by, ACL, acl_for(self.random.randrange(1, 9)))),
                ("look at node", lambda: None),
            ))
            work()
            self.marks[path] = self.seen(by)
            self.count(name)
        except OSError as e:
            if e.errno not in (errno.ENOENT, errno.ESTALE):
                raise
            # it has gone meanwhile
            self.count("node gone")
        finally:
            os.close(fd)

    def seen(self, by):
        s = os.stat(by)
        return [s.st_mtime_ns, [s.st_mode, s.st_uid, s.st_gid, acl_of(by)]]

    def look(self, path, by):
        since, is_ = self.seen(by)
        mark = self.marks.get(path)
        if mark and mark[0] == since:
            wanted = mark[1]
        else:
            # what is given: nothing is left of the device before
            wanted = self.marks.setdefault(f"given {path}", [0, is_])[1]
            self.count("new node")
        if is_ != wanted:
            self.fault(f"node: {is_}, not {wanted}", path)

    def take_name(self):
        """A file with a device's name: it shows while the device does not."""
        path = self.node()
        twin = path.replace(DEV, f"{REFERENCE}/over{self.number}")
        done = outcome(lambda: os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)))
        if done == "done":
            if os.path.exists(twin):
                self.fault("a file under a device's name has gone", path)
            write(twin, "")
            self.count("name taken")
        elif done == "EEXIST" and os.path.exists(twin) and self.random.random() < 0.5:
            done = outcome(lambda: os.unlink(path))
            if done == "done":
                os.unlink(twin)
                self.count("name given back")
            # a node has it; or the device has just gone, so that the kernel looks again
            elif done not in ("EPERM", "ENOENT"):
                self.fault(f"unlink a taken name: {done}", path)
        elif done not in ("EEXIST", "ENOENT", "ESTALE"):
            self.fault(f"take a name: {done}", path)

    def stand_by(self):
        """An entry in a directory that comes and goes with devices, and over a link that is given."""
        name = self.random.choice(("own", f"loop{self.random.choice(self.devices)}"))
        if name == "own":
            name = f"own{self.number}-{self.random.randrange(4)}"
        path, twin = f"{LINKS}/{name}", f"{REFERENCE}/by{self.number}/{name}"
        if os.path.lexists(twin):
            if os.readlink(path) != "mine":
                self.fault("another link over the container's own", path)
            if self.random.random() < 0.5:
                os.unlink(path)
                os.unlink(twin)
                self.count("link removed")
            return
        new = f"{self.own}-new"
        os.symlink("mine", new)
        done = outcome(lambda: os.rename(new, path))
        if done == "done":
            os.symlink("mine", twin)
            self.count("link placed")
        elif done == "ENOENT":
            # there is no device now whose link makes the directory
            os.unlink(new)
        else:
            self.fault(f"place a link: {done}", path)

    def make_node(self):
        """Nodes of devices that show, where the container may make such."""
        device = self.random.choice(self.devices)
        node, path = f"{DEV}/loop{device}", f"{DEV}/n{self.number}-{self.random.randrange(8)}"
        done = outcome(lambda: os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(7, self.hidden)))
        if done not in ("EPERM", "EEXIST"):
            self.fault(f"mknod of a hidden device: {done}", path)
        if path in self.made:
            self.see_made(path)
            if self.random.random() < 0.5 and outcome(lambda: os.unlink(path)) == "done":
                self.made.pop(path, None)
            return
        before = outcome(lambda: since(node))
        done = outcome(lambda: os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(7, device)))
        if done == "done":
            self.count("mknod")
            # whose it is, is known if the device has stayed
            stays = type(before) is int and before == outcome(lambda: since(node))
            self.made[path] = [device, before if stays else None]
        elif done not in ("EPERM", "ENOENT", "ESTALE"):
            self.fault(f"mknod: {done}", path)

    def see_made(self, path):
        """A node that was made is there exactly as long as its device."""
        if wrong := self.is_wrong(path):
            self.fault(wrong, path)
        if not os.path.lexists(path):
            self.made.pop(path, None)

    def is_wrong(self, path):
        device, whose = self.made[path]
        now = lambda: outcome(lambda: since(f"{DEV}/loop{device}"))
        first, there, then = now(), os.path.lexists(path), now()
        if whose is None or type(first) is not int:
            return None
        if there and first == then != whose:
            return "a node that was made outlives its device"
        if not there and first == then == whose:
            return "a node that was made has gone before its device"
        return None

    def verify(self):
        """That everything is there as it was left."""
        if (is_ := facts(self.own, "")) != (wanted := facts(self.twin, "")):
            both = set(is_) ^ set(wanted)
            self.fault(f"own entries: {sorted(both)[:4]}", self.own)
        for name in os.listdir(f"{REFERENCE}/over{self.number}"):
            if not os.path.lexists(f"{DEV}/{name}"):
                self.fault("a file under a device's name has gone", name)
        for name in os.listdir(f"{REFERENCE}/by{self.number}"):
            if outcome(lambda: os.readlink(f"{LINKS}/{name}")) != "mine":
                self.fault("a link of the container's own has gone", name)
        for path in list(self.made):
            self.see_made(path)
        for path in [path for path in self.marks if path.startswith("/")]:
            outcome(lambda: self.look(path, path) if stat.S_ISBLK(os.stat(path).st_mode) else None)

    def wipe(self):
        """Remove everything; no device is there."""
        for name in os.listdir(f"{REFERENCE}/over{self.number}"):
            if not stat.S_ISREG(os.lstat(f"{DEV}/{name}").st_mode):
                self.fault("something else has the name of a device that has gone", name)
            os.unlink(f"{DEV}/{name}")
        for name in os.listdir(f"{REFERENCE}/by{self.number}"):
            os.unlink(f"{LINKS}/{name}")
        if self.made:
            self.fault("nodes that were made are left", str(self.made))
        wipe(self.own)
        for top in ("c", "over", "by"):
            wipe(f"{REFERENCE}/{top}{self.number}")

    def report(self):
        return {"counts": self.counts, "faults": self.faults, "marks": [self.marks, self.made]}


def room():
    s = os.statvfs(DEV)
    return [s.f_bfree, s.f_ffree]


def names_of_dev():
    return sorted(f"{top}/{name}" for top, dirs, files in os.walk(DEV) for name in dirs + files
                  if not top.startswith((f"{DEV}/shm", f"{DEV}/pts", f"{DEV}/mqueue", f"{DEV}/fd")))
