"""Asks of every inode below ROOT what can be asked of one, as IDENTITY.

A line of JSON for each line of JSON on stdin: {"walk": true} lists what there is; {"ask": [PATH...],
"how": "all" | "some"} says for each path what came of each request: `ok`, `ok` with what was got, or the
name of an errno. {"hold": [PATH...]} opens and reads, and keeps open; {"again": true} reads from what is
held, {"release": true} lets go of it; {"churn": [PATH...]} opens, reads and closes until the next order
comes. SCRATCH has the files that are written to, each with what.
"""
import json, select

FAR = 1 << 30
OFFSETS = (0, 1, 63, 64, 4095, 4096, FAR)
# more than a page: a driver's text ends there
SIZE = 8192
# to read it is to plug a device
NEVER_READ = (b"hot_add",)
R, W, RW, NEITHER = os.O_RDONLY, os.O_WRONLY, os.O_RDWR, 3
ACCESS = (("r", R), ("w", W), ("rw", RW), ("neither", NEITHER))
OPENS = ACCESS + (
    ("r truncating", R | os.O_TRUNC), ("w truncating", W | os.O_TRUNC), ("w appending", W | os.O_APPEND),
    ("r as directory", R | os.O_DIRECTORY), ("r creating", R | os.O_CREAT), ("w creating", W | os.O_CREAT),
    ("r creating anew", R | os.O_CREAT | os.O_EXCL), ("path", os.O_PATH), ("r without atime", R | os.O_NOATIME),
    ("r direct", R | os.O_DIRECT), ("r synchronous", R | os.O_SYNC), ("not through links", R | os.O_NOFOLLOW),
    ("nameless", RW | os.O_TMPFILE),
)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


def text(data):
    return data.decode("latin-1")


class File:
    """An open file, closed at the end of a block."""

    def __init__(self, path, flags=R):
        self.fd = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)

    def __enter__(self):
        return self.fd

    def __exit__(self, *_):
        os.close(self.fd)


def asked(act):
    """As `result`; what was got may be bytes."""
    try:
        value = act()
        return "ok" if value is None else "ok " + (text(value) if isinstance(value, bytes) else str(value))
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e.errno))


def look(path):
    st = os.lstat(path)
    # sizes of directories and counts of links tell of what is hidden, so the view has none
    size = st.st_size if stat.S_ISREG(st.st_mode) else 0
    return "%o %d:%d %d" % (st.st_mode, st.st_uid, st.st_gid, size)


def opens(path, flags):
    with File(path, flags):
        pass


def reads(path, offset, flags=R):
    with File(path, flags) as fd:
        return os.pread(fd, SIZE, offset)


def bits(path, offset):
    """In small pieces, as a program that knows its format does."""
    with File(path) as fd:
        return b"".join(os.pread(fd, 16, offset + n * 16) for n in range(8))


def streams(path):
    with File(path) as fd:
        first = os.read(fd, SIZE)
        os.lseek(fd, 0, os.SEEK_SET)
        return first + b"|" + os.read(fd, SIZE)


def through(path, flags, first=os.O_PATH):
    """Opened again by what is open."""
    with File(path, first) as fd:
        again = "/proc/self/fd/%d" % fd
        return reads(again, 0, flags) if flags in (R, RW) else opens(again, flags)


def maps(path, flags, kind, protection):
    with File(path, flags) as fd:
        at = libc.mmap(None, 4096, protection, kind, fd, 0)
        if at in (None, ctypes.c_void_p(-1).value):
            check(-1)
        try:
            # a page that cannot be had is a signal, so it is copied by who reports that as an error
            r, w = os.pipe()
            with open(r, "rb", 0), open(w, "wb", 0):
                check(libc.write(w, ctypes.c_void_p(at), 4096))
                return os.read(r, 4096)
        finally:
            libc.munmap(at, 4096)


def pipes(path):
    r, w = os.pipe()
    with open(r, "rb", 0), open(w, "wb", 0), File(path) as fd:
        return os.read(r, SIZE) if os.splice(fd, w, SIZE) else b""


def sends(path):
    with File(path) as fd, open(os.memfd_create("sent"), "rb+", 0) as to:
        os.sendfile(to.fileno(), fd, 0, SIZE)
        return os.pread(to.fileno(), SIZE, 0)


def polls(path, read):
    with File(path) as fd:
        if read:
            os.pread(fd, SIZE, 0)
        poll = select.poll()
        poll.register(fd, select.POLLIN | select.POLLOUT | select.POLLPRI | select.POLLERR)
        return dict(poll.poll(0)).get(fd, 0)


def allows(path, mode):
    # without the errno, which Python keeps to itself
    if not os.access(path, mode, effective_ids=True):
        raise OSError(errno.EACCES, "")


def seeks(path):
    with File(path) as fd:
        return os.lseek(fd, 0, os.SEEK_END)


def controls(path):
    with File(path) as fd:
        fcntl.ioctl(fd, 0x541B, b"\0" * 4)


def writes(path, flags, data, at=None, first=None):
    with File(path if first is None else path, flags if first is None else first) as fd:
        if first is None:
            return os.write(fd, data) if at is None else os.pwrite(fd, data, at)
        with File("/proc/self/fd/%d" % fd, flags) as again:
            return os.write(again, data)


def changes(path, st, other):
    """Modes and owners: of a scratch device others, elsewhere the same once more."""
    mode = stat.S_IMODE(st.st_mode)
    yield "chmod", lambda: os.chmod(path, mode)
    yield "chown", lambda: os.chown(path, st.st_uid, st.st_gid)
    yield "truncate", lambda: os.truncate(path, 0)
    if other:
        yield "chmod 666", lambda: os.chmod(path, 0o666)
        yield "chown 1000", lambda: os.chown(path, 1000, 1000)
        yield "chmod back", lambda: os.chmod(path, mode)
        yield "chown back", lambda: os.chown(path, st.st_uid, st.st_gid)
        yield "utimes", lambda: os.utime(path, (1, 1))


def names(path):
    """What sysfs refuses to everybody: it has no such operations."""
    other = path + b".other"
    yield "rename", lambda: os.rename(path, other)
    yield "rename onto", lambda: os.rename(path, root + b"/kernel")
    yield "link", lambda: os.link(path, other)
    yield "unlink", lambda: os.unlink(path)
    yield "rmdir", lambda: os.rmdir(path)
    yield "mkdir", lambda: os.mkdir(other)
    yield "symlink", lambda: os.symlink(b"x", other)
    yield "fifo", lambda: os.mkfifo(other)
    yield "node", lambda: os.mknod(other, 0o20600, os.makedev(1, 3))
    yield "create", lambda: opens(other, W | os.O_CREAT)


def attributes(path):
    for name in ("user.x", "trusted.x", "security.x", "security.selinux", "system.posix_acl_access"):
        yield "getxattr " + name, lambda name=name: os.getxattr(path, name)
    yield "listxattr", lambda: " ".join(os.listxattr(path))


def of_file(path, st, how):
    for name, mode in (("r", os.R_OK), ("w", os.W_OK), ("x", os.X_OK)):
        yield "access " + name, lambda mode=mode: allows(path, mode)
    for name, flags in OPENS if how == "all" else ACCESS:
        yield "open " + name, lambda flags=flags: opens(path, flags)
    if os.path.basename(path) in NEVER_READ:
        return
    for offset in OFFSETS if how == "all" else (0,):
        yield "read %d" % offset, lambda offset=offset: reads(path, offset)
    # once more: what was text the first time, the kernel reads by itself
    yield "read again", lambda: reads(path, 0)
    if how != "all":
        return
    yield "read again 64", lambda: reads(path, 64)
    yield "read rw", lambda: reads(path, 0, RW)
    yield "read w", lambda: reads(path, 0, W)
    yield "read bits", lambda: bits(path, 0)
    yield "read bits 64", lambda: bits(path, 64)
    yield "stream", lambda: streams(path)
    for name, flags in ACCESS:
        yield "reopen path " + name, lambda flags=flags: through(path, flags)
        yield "reopen r " + name, lambda flags=flags: through(path, flags, R)
    shared, private = mmap.MAP_SHARED, mmap.MAP_PRIVATE
    yield "map shared", lambda: maps(path, R, shared, mmap.PROT_READ)
    yield "map private", lambda: maps(path, R, private, mmap.PROT_READ)
    yield "map private w", lambda: maps(path, R, private, mmap.PROT_READ | mmap.PROT_WRITE)
    yield "map shared w", lambda: maps(path, RW, shared, mmap.PROT_READ | mmap.PROT_WRITE)
    yield "splice", lambda: pipes(path)
    yield "sendfile", lambda: sends(path)
    yield "poll", lambda: polls(path, False)
    yield "poll after read", lambda: polls(path, True)
    yield "seek", lambda: seeks(path)
    yield "ioctl", lambda: controls(path)


def of_directory(path, how):
    yield "list", lambda: json.dumps(sorted(text(name) for name in os.listdir(path)))
    if how == "all":
        kind = lambda e: "d" if e.is_dir(follow_symlinks=False) else "l" if e.is_symlink() else "f"
        yield "types", lambda: json.dumps(sorted(text(e.name) + " " + kind(e) for e in os.scandir(path)))
        for name, flags in OPENS:
            yield "open " + name, lambda flags=flags: opens(path, flags)
        inside = path + b"/nothing"
        yield "create inside", lambda: opens(inside, W | os.O_CREAT)
        yield "mkdir inside", lambda: os.mkdir(inside)
        yield "open missing", lambda: opens(inside, R)


def of_link(path, how):
    yield "readlink", lambda: os.readlink(path)
    yield "leads", lambda: look(os.path.realpath(path))[:6]
    if how == "all":
        yield "open", lambda: opens(path, R)
        yield "open itself", lambda: opens(path, R | os.O_NOFOLLOW)
        yield "open itself as path", lambda: opens(path, os.O_PATH | os.O_NOFOLLOW)
        yield "chown itself", lambda: os.lchown(path, 0, 0)


def of_scratch(path):
    """Writes, of what is there already where somebody else would notice."""
    data = SCRATCH[text(path[len(root):])].encode()
    yield "write", lambda: writes(path, W, data)
    yield "write rw", lambda: writes(path, RW, data)
    yield "write at 1", lambda: writes(path, W, data, 1)
    yield "write truncating", lambda: writes(path, W | os.O_TRUNC, data)
    yield "write appending", lambda: writes(path, W | os.O_APPEND, data)
    yield "write through r", lambda: writes(path, R, data)
    yield "write through neither", lambda: writes(path, NEITHER, data)
    yield "write reopened", lambda: writes(path, W, data, None, os.O_PATH)
    yield "write rw reopened", lambda: writes(path, RW, data, None, os.O_PATH)
    yield "write reopened r", lambda: writes(path, W, data, None, R)
    yield "write nothing", lambda: writes(path, W, b"")
    yield "setxattr", lambda: os.setxattr(path, "user.x", b"1")
    yield "setxattr trusted", lambda: os.setxattr(path, "trusted.x", b"1")
    yield "removexattr", lambda: os.removexattr(path, "user.x")


def requests(path, how, scratch):
    st = os.lstat(path)
    yield "stat", lambda: look(path)
    if stat.S_ISLNK(st.st_mode):
        yield from of_link(path, how)
    elif stat.S_ISDIR(st.st_mode):
        yield from of_directory(path, how)
    elif stat.S_ISREG(st.st_mode):
        yield from of_file(path, st, how)
        if scratch:
            yield from of_scratch(path)
    else:
        yield "a node", lambda: None
    if how == "all":
        if path != root:
            yield from names(path)
        if not stat.S_ISLNK(st.st_mode):
            yield from attributes(path)
            yield from changes(path, st, scratch)


def ask(paths, how):
    found = {}
    for name in paths:
        path = root + name.encode("latin-1")
        try:
            found[name] = {key: asked(act) for key, act in requests(path, how, name in SCRATCH)}
        except OSError as e:
            found[name] = {"stat": errno.errorcode[e.errno]}
    return found


def walk():
    found = []
    for top, dirs, files in os.walk(root, onerror=lambda e: None):
        for name in [b"."] + dirs + files:
            path = top if name == b"." else top + b"/" + name
            if name in dirs and not os.path.islink(path):
                continue
            try:
                st = os.lstat(path)
                found.append([text(path[len(root):]), "%o" % st.st_mode, st.st_size])
            except OSError:
                pass
    return found


class Held:
    """Files that somebody keeps open."""

    def __init__(self):
        self.fds = {}

    def take(self, paths):
        came = {}
        for name in paths:
            def act():
                # twice: the second time the kernel may read by itself
                for n in (0, 1):
                    self.fds[name, n] = os.open(root + name.encode("latin-1"), R | os.O_NONBLOCK)
                    data = os.pread(self.fds[name, n], SIZE, 0)
                return data
            came[name] = {"held": asked(act)}
        return came

    def again(self):
        return {name: {"read %d" % at: asked(lambda: os.pread(fd, SIZE, at)) for at in OFFSETS}
                for (name, n), fd in self.fds.items() if n == 1}

    def release(self):
        for fd in self.fds.values():
            os.close(fd)
        self.fds = {}


def churn(paths):
    """Open, read and close for as long as nobody says anything."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    rounds = 0
    while not poll.poll(0):
        for name in paths:
            asked(lambda: reads(root + name.encode("latin-1"), 0))
        rounds += 1
    return rounds


def become():
    if IDENTITY.get("nest"):
        nest(0)
    if uid := IDENTITY.get("uid"):
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    if IDENTITY.get("bare"):
        set_caps(0)


root = os.fsencode(ROOT)
become()
with open("/proc/self/status") as f:
    who = [l.strip() for l in f if l.startswith(("Uid", "Gid", "Groups", "CapEff", "CapPrm", "NoNew"))]
print("ready " + json.dumps(who), flush=True)
held = Held()
while line := os.read(0, 1):
    while not line.endswith(b"\n"):
        line += os.read(0, 1) if len(line) < 2 else os.read(0, 1 << 16)
    order = json.loads(line)
    if "ask" in order:
        answer = ask(order["ask"], order["how"])
    elif "walk" in order:
        answer = walk()
    elif "hold" in order:
        answer = held.take(order["hold"])
    elif "again" in order:
        answer = held.again()
    elif "churn" in order:
        print("churning", flush=True)
        answer = churn(order["churn"])
    else:
        answer = held.release()
    print(json.dumps({"answer": answer}), flush=True)
