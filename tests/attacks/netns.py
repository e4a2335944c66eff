"""The network namespace's owner is nobody that we can become (CAPS: what we keep, or None)."""
import shutil

NS_GET_USERNS = 0xB701


def owner():
    return fcntl.ioctl(os.open("/proc/self/ns/net", os.O_RDONLY), NS_GET_USERNS)


def join():
    check(libc.setns(owner(), NEWUSER))


def veth():
    done = subprocess.run(["ip", "link", "add", "sv0", "type", "veth", "peer", "name", "sv1"], capture_output=True)
    if done.returncode:
        # ip says why in words only
        raise OSError(errno.EPERM if b"not permitted" in done.stderr else errno.EIO, "")


def ids():
    return status("Uid")


def become(act):
    """What we are after it; with the owner's uid, also what that is worth."""
    try:
        act()
    except OSError as e:
        if str(OWNER) not in ids():
            raise e
    if str(OWNER) in ids().split():
        return "OWNER, join %s, veth %s" % (result(join), result(veth))
    raise OSError(errno.EPERM, "")


if CAPS is not None:
    set_caps(CAPS)

attempt("owner's namespace", lambda: owner() and None)
attempt("join", join)
attempt("veth", veth)
for name, args in (("setuid", 1), ("setreuid", 2), ("setresuid", 3), ("setfsuid", 1)):
    for at in range(args):
        ask = [OWNER if n == at else 0xFFFFFFFF for n in range(args)]
        attempt("%s %d" % (name, at), lambda: become(lambda: syscall(NR[name], *ask)))
        # garbage in the high half of a register is none of the kernel's business
        attempt("%s %d wide" % (name, at), lambda: become(lambda: syscall(NR[name], *[a | 0x100000000 for a in ask])))
        attempt("x32 %s %d" % (name, at), lambda: become(lambda: syscall(NR[name] | 0x40000000, *ask)))
enter = int80()
say("int80", "ok" if enter(20) == os.getpid() else "broken")
for name, number, args in (("setuid32", 213, 1), ("setreuid32", 203, 2), ("setresuid32", 208, 3), ("setfsuid32", 215, 1)):
    for at in range(args):
        ask = [OWNER if n == at else 0xFFFFFFFF for n in range(args)]
        attempt("int80 %s %d" % (name, at), lambda: become(lambda: enter(number, *ask)))


def set_uid_file():
    path = "/run/become"
    shutil.copy(shutil.which("id"), path)
    try:
        os.chown(path, OWNER, OWNER)
        os.chmod(path, 0o4755)
        return subprocess.run([path, "-u"], capture_output=True, text=True).stdout.strip()
    finally:
        os.unlink(path)


def nested():
    """A namespace whose root is the owner: a child of ours, whose maps we write as the parent."""
    r, w = os.pipe()
    r2, w2 = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            unshare(NEWUSER)
            os.write(w, b"x")
            os.read(r2, 1)
            # by another name: in there it is 0
            syscall(NR["setresuid"], 0, 0, 0)
            os.write(w, ("uid %d, join %s, veth %s" % (os.getuid(), result(join), result(veth))).encode())
        except BaseException as e:
            os.write(w, repr(e).encode())
        os._exit(0)
    os.read(r, 1)
    mapped = result(lambda: written("/proc/%d/uid_map" % pid, "0 %d 1\n" % OWNER))
    os.write(w2, b"x")
    text = os.read(r, 1000).decode()
    os.waitpid(pid, 0)
    return "map %s, %s" % (mapped, text)


attempt("a file of the owner", set_uid_file)
attempt("nested", nested)
