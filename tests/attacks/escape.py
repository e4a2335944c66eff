"""Ways out, and to what the view hides. PLACE: a directory of the host that has `node`, a node of
a hidden device; SOCKET: a socket of the host below /run."""

# --- other mounts of what the view is in place of
for kind in ("sysfs", "proc", "devtmpfs", "cgroup", "cgroup2", "debugfs", "tracefs", "tmpfs"):
    attempt("mount %s" % kind, lambda: mount(kind, "/mnt"))
attempt("fsopen sysfs", lambda: syscall(NR["fsopen"], b"sysfs", 0) and None)


def nested(flags, act):
    def inside():
        nest(NEWNS | flags)
        if flags & NEWPID:
            text = in_child(act)
            return text
        return act()
    return inside


for kind, flags in (("sysfs", NEWNET), ("sysfs", 0), ("proc", NEWPID), ("devtmpfs", 0), ("debugfs", 0)):
    attempt("nested %s %x" % (kind, flags), nested(flags, lambda: mount(kind, "/mnt")))
# to umount2, a locked mount is none
for place in ("/sys", "/dev", "/dev/pts", "/proc", "/proc/sys", "/proc/partitions", "/proc/bus", "/run"):
    attempt("umount %s" % place, lambda: umount(place))
    attempt("nested umount %s" % place, nested(0, lambda: umount(place)))
    attempt("nested umount detached %s" % place, nested(0, lambda: umount(place, 2)))
REMOUNT_BIND, RDONLY, NOSUID, NODEV, NOEXEC = 0x20 | 0x1000, 1, 2, 4, 8
attempt("nested writable /proc/sys", nested(0, lambda: mount(None, "/proc/sys", REMOUNT_BIND | 14)))
attempt("nested /sys with devices", nested(0, lambda: mount(None, "/sys", REMOUNT_BIND | NOSUID | NOEXEC)))
attempt("nested / with devices", nested(0, lambda: mount(None, "/", REMOUNT_BIND | NOSUID)))
attempt("nested / with set-uid", nested(0, lambda: mount(None, "/", REMOUNT_BIND | NODEV)))

# --- nodes
DISK = os.makedev(7, 0)
for name, place in (("/dev", "/dev/disk"), ("/dev/shm", "/dev/shm/disk"), ("/run", "/run/disk")):
    attempt("mknod in %s" % name, lambda: os.mknod(place, 0o60600, DISK))


def nested_node():
    mount("tmpfs", "/mnt")
    os.mknod("/mnt/disk", 0o60600, DISK)


attempt("nested mknod", nested(0, nested_node))
attempt("node from outside", lambda: opened(PLACE + "/node"))

# --- cgroups
def v1(controller):
    mount("cgroup", "/mnt", 0, controller)
    os.mkdir("/mnt/attack%d" % os.getpid())
    os.rmdir("/mnt/attack%d" % os.getpid())


for controller in ("none,name=systemd", "devices", "memory", "freezer", "cpu", "pids"):
    attempt("nested cgroup %s" % controller, nested(NEWCGROUP, lambda: v1(controller)))


def clone3():
    """Its flags are in memory, where no filter looks."""
    arguments = struct.pack("<8Q", NEWUSER | NEWCGROUP, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
    pid = syscall(NR["clone3"], arguments, 64)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


attempt("nested clone3 for a cgroup namespace", clone3)

# --- the kernel's log, its switches
attempt("syslog", lambda: syscall(NR["syslog"], 3, ctypes.create_string_buffer(64), 64) and None)
attempt("int80 syslog", lambda: int80()(103, 3, 0, 0) and None)
attempt("/dev/kmsg", lambda: opened("/dev/kmsg"))
attempt("/dev/mem", lambda: opened("/dev/mem"))
attempt("/proc/kmsg", lambda: len(os.read(os.open("/proc/kmsg", os.O_RDONLY | os.O_NONBLOCK), 64)))
for name in ("core_pattern", "hostname", "kptr_restrict"):
    # its own value: should it be taken, nothing is changed
    attempt("write sys/kernel/%s" % name, lambda: written("/proc/sys/kernel/" + name, open("/proc/sys/kernel/" + name).read()))
for name in MASKED:
    try:
        size = len(os.listdir("/proc/" + name)) if os.path.isdir("/proc/" + name) else len(open("/proc/" + name).read())
        say("masked %s" % name, size)
    except OSError as e:
        say("masked %s" % name, errno.errorcode[e.errno])
attempt("write sysrq-trigger", lambda: written("/proc/sysrq-trigger", "h"))

# --- keyrings
attempt("find the host's key", lambda: syscall(NR["keyctl"], 10, -3, b"user", b"devns-attack", 0) and None)
attempt("find it with the user's", lambda: syscall(NR["keyctl"], 10, -4, b"user", b"devns-attack", 0) and None)

# --- sockets, processes, descriptors
def connect():
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(SOCKET)


attempt("host's socket", connect)
attempt("host's socket by pid 1", lambda: os.stat("/proc/1/root" + SOCKET) and None)
say("processes", sum(1 for p in os.listdir("/proc") if p.isdigit()))
if os.getpid() != 1:
    # PTRACE_SEIZE: should it be let, nobody is stopped
    attempt("ptrace pid 1", lambda: syscall(NR["ptrace"], 0x4206, 1, 0, 0) and None)
for name in ("mem", "environ", "maps"):
    attempt("pid 1's %s" % name, lambda: open("/proc/1/" + name, "rb").read(0) and None)
attempt("pid 1's exe, to write", lambda: opened("/proc/1/exe", os.O_WRONLY))
attempt("pid 1's root", lambda: os.readlink("/proc/1/root"))
fds = lambda pid: ",".join(sorted(f for f in os.listdir("/proc/%s/fd" % pid) if int(f) < LISTING))
# one more is open while the directory is read
LISTING = 3
say("own low fds", fds("self"))
LISTING = 1 << 20
say("own fds", len(os.listdir("/proc/self/fd")) - 1)
try:
    say("pid 1's fds", fds(1))
except OSError as e:
    say("pid 1's fds", errno.errorcode[e.errno])

# --- what we are
for pid in ("self", "1"):
    for key in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb", "NoNewPrivs", "Seccomp", "Groups"):
        say("%s %s" % (pid, key), status(key, pid))
say("cgroup", [l for l in open("/proc/self/cgroup") if l.startswith("0::")][0].strip())
say("uid_map", " ".join(open("/proc/self/uid_map").read().split()))
attempt("/dev/tty", lambda: os.close(os.open("/dev/tty", os.O_RDWR)))


def lacking():
    """Mounts without an option that they should have, and those of a kind that should not be."""
    for line in open("/proc/self/mountinfo"):
        left, right = line.rstrip("\n").split(" - ")
        place, options = left.split()[4], left.split()[5].split(",")
        kind = right.split()[0]
        if kind in ("sysfs", "devtmpfs", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs", "bpf"):
            yield "%s is %s" % (place, kind)
        if "nosuid" not in options:
            yield "%s is not nosuid" % place
        if "nodev" not in options and place not in ("/dev", "/dev/pts"):
            yield "%s is not nodev" % place
        if any(f.startswith(("shared:", "master:")) for f in left.split()[6:]):
            yield "%s is not private" % place
        if kind.startswith("fuse.fusefs-") and "default_permissions" not in right:
            yield "%s does not check permissions" % place


say("mounts", "; ".join(lacking()) or "fine")
