"""Fills a directory in every way: evaluates each line of stdin and prints what it is, or the errno."""
import ctypes, errno, os, resource, stat, sys, time

C = ctypes.CDLL(None, use_errno=True)
DEV = "/dev"
held = []
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def until(refused, work, most=200_000):
    """How often `work` could be done until it was `refused` so."""
    for n in range(most):
        try:
            work(n)
        except OSError as e:
            if errno.errorcode[e.errno] in refused.split():
                return n
            raise
    raise RuntimeError(f"{most} times, and no end")


def make(path, flags=0):
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | flags, 0o600))


def room():
    """What statfs says: bytes, inodes, free bytes, free inodes."""
    s = os.statvfs(DEV)
    return s.f_blocks * s.f_frsize, s.f_files, s.f_bfree * s.f_frsize, s.f_ffree


def names(top):
    return until("ENOSPC", lambda n: make(f"{top}/{n}"))


def links(top):
    return until("ENOSPC", lambda n: os.link(f"{top}/0", f"{top}/l{n}"))


def data(path):
    """How many bytes fit into a file."""
    fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        until("ENOSPC", lambda n: os.pwrite(fd, b"x" * 4096, n * 4096))
        return os.fstat(fd).st_size
    finally:
        os.close(fd)


def empty(top):
    """Remove all below, however deep it is."""
    home = os.getcwd()
    os.chdir(top)
    for entry in list(os.scandir(".")):
        if entry.is_dir(follow_symlinks=False):
            empty(entry.name)
            os.rmdir(entry.name)
        else:
            os.unlink(entry.name)
    os.chdir(home)


def deep(top):
    """Directories as far down as it goes, then as many as it takes there."""
    os.chdir(top)
    def down(n):
        os.mkdir("d" * 250)
        os.chdir("d" * 250)
    levels = until("ENAMETOOLONG", down)
    os.mkdir("w")
    wide = until("ENOSPC", lambda n: os.mkdir(f"w/{n:040}"))
    os.chdir("/")
    return levels, wide


def listings(top):
    """How many open directories take a part of what is in there."""
    buffer = ctypes.create_string_buffer(1024)
    def one(n):
        held.append(os.open(top, os.O_RDONLY | os.O_DIRECTORY))
        if C.syscall(217, held[-1], buffer, 1024) < 0:
            raise OSError(ctypes.get_errno(), "getdents64")
    return until("ENFILE EMFILE", one)


def handles(path):
    return until("ENFILE EMFILE", lambda n: held.append(os.open(path, os.O_RDONLY)))


def close():
    while held:
        os.close(held.pop())


def attributes(path):
    """How many bytes of extended attributes fit; none where tmpfs has no such."""
    return 4000 * until("ENOSPC EOPNOTSUPP", lambda n: os.setxattr(path, f"user.{n}", b"x" * 4000))


def acl(entries):
    entry = lambda tag, perm, who: bytes([tag, 0, perm, 0]) + (who & 0xFFFFFFFF).to_bytes(4, "little")
    users = b"".join(entry(2, 6, 1 + n) for n in range(entries))
    return bytes([2, 0, 0, 0]) + entry(1, 6, -1) + users + entry(4, 6, -1) + entry(16, 6, -1) + entry(32, 0, -1)


def set_acl(path, entries, which="access"):
    return os.setxattr(path, f"system.posix_acl_{which}", acl(entries))


def acls(top):
    """As many directories as there may be, each with ACLs as large as they may be."""
    def one(n):
        os.mkdir(f"{top}/{n}")
        for which in ("access", "default"):
            set_acl(f"{top}/{n}", 500, which)
    return until("ENOSPC", one)


def long_links(top):
    return until("ENOSPC", lambda n: os.symlink("x" * 4095, f"{top}/{n}"))


def sparse(path):
    fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    os.ftruncate(fd, 1 << 50)
    os.pwrite(fd, b"x", 1 << 49)
    blocks = os.fstat(fd).st_blocks * 512
    try:
        os.posix_fallocate(fd, 0, 1 << 40)
    except OSError as e:
        return blocks, errno.errorcode[e.errno]
    finally:
        os.close(fd)


def nameless():
    return until("ENOSPC EOPNOTSUPP", lambda n: held.append(os.open(DEV, os.O_TMPFILE | os.O_RDWR)))


def opens(path):
    os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
    return "open"


for line in sys.stdin:
    try:
        answer = eval(line)
    except OSError as e:
        answer = errno.errorcode[e.errno]
    except Exception as e:
        answer = repr(e)
    print("=", answer, flush=True)
