"""Runs in a container: walks /sys and /dev on and on, counts device events, and reports.

Lines on stdin: `learn` (walk twice; the errors are what this kernel answers anyway), `go`, `rest`
(report what the walks met since `go`), `list` (the pluggable devices that show), `events`.
Each, and any other, is answered with one line of JSON.
"""
import errno, json, os, re, socket, stat, sys, threading

HIDDEN = re.compile(sys.argv[1])
PLUGGED = re.compile(r"^(loop2\d\d|zram\d+|st\d|tap\d+)$")
# not ours: file systems of their own
OTHERS = {"/dev/pts", "/dev/shm", "/dev/mqueue"}
# what a device that goes away answers: every call may meet it, and an open also the driver's
# "no such device" and the gate that has shut before the name is gone
GONE = {errno.ENOENT, errno.ENODEV}
GONE_AT_OPEN = GONE | {errno.ENXIO, errno.EPERM}
# what the kernel answers for an interface that is going (netdev_show, netstat_show in
# net/core/net-sysfs.c), natively too
GOING_INTERFACE = re.compile(r"/net/(st\d)/")

known, met, seen_hidden, walks = set(), {}, set(), [0]
going, quiet = threading.Event(), threading.Event()
quiet.set()


def norm(path):
    return re.sub(r"\d+", "N", path)


def note(learning, path, call, number):
    key = (norm(path), call, number)
    if learning:
        known.add(key)
    elif key not in known:
        met.setdefault(f"{call}: {errno.errorcode.get(number, number)}", []).append(path)


def read(path, flags=os.O_RDONLY):
    fd = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(fd, 4096)
    finally:
        os.close(fd)


def look(path, learning, names):
    """Look at one entry; whether it is a directory."""
    call, allowed = "lstat", GONE
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode):
            call = "readlink"
            os.readlink(path)
            call = "stat"
            os.stat(path)
        elif stat.S_ISREG(mode) and mode & 0o444:
            call = "read"
            if GOING_INTERFACE.search(path):
                allowed = GONE | {errno.EINVAL}
            read(path)
        elif stat.S_ISBLK(mode) and walks[0] % 8 == 0:
            call, allowed = "open", GONE_AT_OPEN
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        return stat.S_ISDIR(mode)
    except OSError as e:
        # what is gone is no error, unless it is something that nobody has pulled
        if e.errno not in allowed or not learning and call != "open" and steady(path):
            note(learning, path, call, e.errno)
        return False


def steady(path):
    return path in ("/sys", "/dev", "/sys/class", "/sys/block", "/sys/devices", "/dev/null", "/dev/tty")


def walk(learning):
    names, stack = set(), ["/sys", "/dev"]
    while stack:
        top = stack.pop()
        try:
            entries = os.listdir(top)
        except OSError as e:
            if e.errno not in GONE:
                note(learning, top, "readdir", e.errno)
            continue
        for name in entries:
            if PLUGGED.match(name):
                names.add(f"{top}/{name}")
            if HIDDEN.match(name):
                seen_hidden.add(f"{top}/{name}")
            path = f"{top}/{name}"
            if path not in OTHERS and look(path, learning, names):
                stack.append(path)
    walks[0] += 1
    return names


def walk_on():
    while True:
        going.wait()
        quiet.clear()
        while going.is_set():
            walk(False)
        quiet.set()


def listen(heard):
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 15)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)  # as much as it gets
    sock.bind((0, 1))
    while True:
        try:
            message = sock.recv(8192)
        except OSError as e:  # ENOBUFS: it is not devns then that lost events
            heard[f"lost: {errno.errorcode[e.errno]}"] = 1
            continue
        vars = dict(s.split("=", 1) for s in message.decode(errors="replace").split("\0")[1:] if "=" in s)
        name = vars["DEVPATH"].rsplit("/", 1)[1]
        if vars.get("SUBSYSTEM") in ("block", "macvtap", "net"):
            key = f"{vars['ACTION']} {name}"
            heard[key] = heard.get(key, 0) + 1


heard = {}
for f, args in ((walk_on, ()), (listen, (heard,))):
    threading.Thread(target=f, args=args, daemon=True).start()
for line in sys.stdin:
    word, answer = line.strip(), {}
    if word == "learn":
        walk(True), walk(True)
        answer = {"known": len(known)}
    elif word == "go":
        walks[0] = 0
        going.set()
    elif word == "rest":
        going.clear()
        quiet.wait()
        answer = {"walks": walks[0], "hidden": sorted(seen_hidden),
                  "errors": {k: [len(v), v[0]] for k, v in met.items()}}
    elif word == "list":
        answer = {"names": sorted(walk(False))}
    elif word == "events":
        answer = {"heard": dict(heard)}
    print(json.dumps(answer), flush=True)
