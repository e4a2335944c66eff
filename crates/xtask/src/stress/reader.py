"""Runs in a container: processes that walk /sys and /dev on and on; counts device events; reports.

Arguments: a regular expression of the names that must never show, and how many processes there are.
Every fourth of them holds files of pluggable devices open meanwhile, polls them and reads them again.
Besides: how many processes change /dev (`changer.py`, which comes before this), of which loop devices, and
the number of one that is hidden.

Lines on stdin: `learn` (walk twice; the errors are what this kernel answers anyway), `go`, `rest`
(report what the walks met since `go`), `list N` (every path that is listed, or found when it is asked
for; interfaces are numbered up to N), `events`, `calm` (nothing is plugged: everything that processes have
put into /dev is there as they left it, and can be removed). Each, and any other, is answered with one line of JSON.
"""
import collections, errno, json, os, random, re, select, socket, stat, sys, threading, time

HIDDEN = re.compile(sys.argv[1])
PROCESSES, CHANGERS, FIRST, COUNT, OTHER = map(int, sys.argv[2:])
PLUGGED = re.compile(r"^(loop2\d\d|zram\d+|st\d+|tap\d+)$")
# file systems of their own are not ours
OTHERS = {line.split()[4] for line in open("/proc/self/mountinfo")} - {"/sys", "/dev"}
# what a device that goes away answers: every call may meet it, and an open of its node also the
# driver's "no such device" and the gate that has shut before the name is gone
GONE = {errno.ENOENT, errno.ENODEV}
GONE_AT_OPEN = GONE | {errno.ENXIO, errno.EPERM}
# the kernel cannot open what it would read without us, since that has gone since we were asked
# (fuse_file_io_open in fs/fuse/iomode.c)
GONE_AT_KERNELS_OPEN = GONE | {errno.EIO}
# what the kernel answers for an interface that is going (netdev_show, netstat_show in
# net/core/net-sysfs.c), natively too
GOING_INTERFACE = re.compile(r"/net/(st\d+)/")
# what was never pulled is never gone
STEADY = {"/sys", "/dev", "/sys/class", "/sys/block", "/sys/devices", "/dev/null", "/dev/tty"}
# what the changers have for themselves
CHANGED = re.compile(r"^/dev/[cn]\d")
# how many files a process holds open
HELD = 48

known, met, seen_hidden, looks = set(), {}, set(), [0]


def note(learning, path, call, number):
    key = (re.sub(r"\d+", "N", path), call, number)
    # that is for us to hide, whatever happens
    if learning and number != errno.ESTALE:
        known.add(key)
    elif key not in known:
        found = met.setdefault(f"{call}: {errno.errorcode.get(number, number)}", [0, path])
        found[0] += 1


def allowed_of(path):
    return GONE | {errno.EINVAL} if GOING_INTERFACE.search(path) else GONE


class Holder:
    """Files that stay open, the oldest making room."""

    def __init__(self):
        self.files, self.turn = collections.OrderedDict(), 0

    def hold(self, path, fd):
        self.files[fd] = path
        if len(self.files) > HELD:
            os.close(self.files.popitem(last=False)[0])
        self.turn += 1
        if self.turn % HELD == 0:
            self.look_again()

    def look_again(self):
        poll = select.poll()
        for fd in self.files:
            poll.register(fd, select.POLLPRI | select.POLLERR)
        poll.poll(5)
        for fd, path in self.files.items():
            try:
                os.pread(fd, 4096, 0)
            except OSError as e:
                if e.errno not in allowed_of(path):
                    note(False, path, "read of an open file", e.errno)


def is_pluggable(path):
    return any(PLUGGED.match(part) for part in path.split("/"))


def read(path, fd, holder):
    try:
        os.read(fd, 4096)
    except OSError:
        os.close(fd)
        raise
    if holder and is_pluggable(path):
        holder.hold(path, fd)
    else:
        os.close(fd)


def look(path, learning, holder, opens):
    """Look at one entry; whether it is a directory."""
    call, allowed = "lstat", GONE
    looks[0] += 1
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode):
            call = "readlink"
            os.readlink(path)
            call = "stat"
            os.stat(path)
        elif stat.S_ISREG(mode) and mode & 0o444 and not path.startswith("/dev/"):
            call, allowed = "open", GONE_AT_KERNELS_OPEN if is_pluggable(path) else GONE
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            call, allowed = "read", allowed_of(path)
            read(path, fd, holder)
        elif stat.S_ISBLK(mode) and opens:
            call, allowed = "open", GONE_AT_OPEN
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        return stat.S_ISDIR(mode)
    except OSError as e:
        # what is gone is no error, unless it is something that nobody has pulled
        if e.errno not in allowed or not learning and call != "open" and path in STEADY:
            note(learning, path, call, e.errno)
        return False


def walk(learning, holder=None, opens=True, stop=lambda: False, shuffle=lambda names: None):
    """Look at everything; whether it came to its end."""
    stack = ["/sys", "/dev"]
    while stack:
        if stop():
            return False
        top = stack.pop()
        try:
            entries = os.listdir(top)
        except OSError as e:
            if e.errno not in GONE:
                note(learning, top, "readdir", e.errno)
            continue
        shuffle(entries)
        for name in entries:
            path = f"{top}/{name}"
            if HIDDEN.match(name):
                seen_hidden.add(path)
            if path not in OTHERS and not CHANGED.match(path) and look(path, learning, holder, opens):
                stack.append(path)
    return True


def is_own(path):
    """Whether it is a file that the container has put where a device may be."""
    try:
        return path.startswith("/dev/") and stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def names(interfaces):
    """Every path that is listed, or there when it is asked for."""
    found, stack = set(), ["/sys", "/dev"]
    while stack:
        top = stack.pop()
        try:
            entries = list(os.scandir(top))
        except OSError as e:
            found.add(f"{top}: {errno.errorcode[e.errno]}")
            continue
        for entry in entries:
            if not is_own(entry.path):
                found.add(entry.path)
            if entry.path not in OTHERS and entry.is_dir(follow_symlinks=False):
                stack.append(entry.path)
    asked = [f"{d}/st{n}" for d in ("/sys/class/net", "/sys/devices/virtual/net") for n in range(interfaces)]
    dirs = ("/sys/block", "/sys/class/block", "/sys/devices/virtual/block", "/dev")
    asked += [f"{d}/loop{n}" for d in dirs for n in range(200, 224)]
    return sorted(found | {path for path in asked if os.path.lexists(path) and not is_own(path)})


def work(number, until, report):
    """One process: until the pipe `until` is closed."""
    ended = select.poll()
    ended.register(until, select.POLLHUP)
    stop = lambda: bool(ended.poll(0))
    holder = Holder() if number % 4 == 3 else None
    walks = started = looks[0] = 0
    while not stop():
        started += 1
        walks += walk(False, holder, started % 8 == 0, stop, random.Random(number).shuffle)
    answer = {"walks": walks, "looks": looks[0], "hidden": sorted(seen_hidden), "errors": met}
    with os.fdopen(report, "w") as f:
        json.dump(answer, f)


def change(changer, until, report):
    """One process that changes /dev, until the pipe `until` is closed."""
    ended = select.poll()
    ended.register(until, select.POLLHUP)
    while not ended.poll(0):
        for _ in range(20):
            changer.step()
        # there are others, and a storm to be made
        time.sleep(0.002)
    changer.verify()
    with os.fdopen(report, "w") as f:
        json.dump(changer.report(), f)


def changer(number):
    return Changer(number, range(FIRST + number, FIRST + COUNT, CHANGERS), OTHER, marks.get(number))


def rest_of_changes():
    """Look again at what was left, remove it, and see that /dev is as it was at the start."""
    faults = {}
    for number in range(CHANGERS):
        one = changer(number)
        one.verify()
        try:
            one.wipe()
        except OSError as e:
            one.fault(f"wipe: {e.strerror}", e.filename)
        marks[number] = one.marks, {}
        faults.update(one.faults)
    # the directory of the links is the container's if something of its own was in there
    if os.path.isdir(LINKS) and (left := os.listdir(LINKS)):
        left = [(name, outcome(lambda: os.readlink(f"{LINKS}/{name}"))) for name in left]
        faults["what nobody knows of is among the links"] = [len(left), str(left)]
    outcome(lambda: os.removedirs(LINKS))
    until = time.monotonic() + 5
    while room() != fresh[0] and time.monotonic() < until:
        time.sleep(0.05)
    if room() != fresh[0]:
        faults[f"room for {room()} blocks and inodes, not {fresh[0]}"] = [1, "/dev"]
    for path in ("/dev/by", LINKS):
        if os.path.lexists(path):
            faults["what is not listed is there"] = [1, path]
    left = set(names_of_dev()) ^ set(fresh[1])
    left = [path for path in left if not PLUGGED.match(os.path.basename(path))]
    if left:
        faults["more or less in /dev than at the start"] = [len(left), str(sorted(left)[:5])]
    return {"errors": faults}


class Team:
    """The processes, from `go` to `rest`."""

    def __init__(self):
        until, self.until = os.pipe()
        self.members = []
        for number in range(PROCESSES + CHANGERS):
            report, write = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(self.until)
                try:
                    if number < PROCESSES:
                        work(number, until, write)
                    else:
                        change(changer(number - PROCESSES), until, write)
                finally:
                    os._exit(0)
            os.close(write)
            self.members.append((pid, report))
        os.close(until)

    def rest(self):
        os.close(self.until)
        walks, looks, hidden, errors, counts = [], [], set(), {}, {}
        for number, (pid, report) in enumerate(self.members):
            with os.fdopen(report) as f:
                answer = json.load(f)
            os.waitpid(pid, 0)
            for error, (count, first) in answer.get("faults", answer.get("errors")).items():
                errors.setdefault(error, [0, first])[0] += count
            if number >= PROCESSES:
                marks[number - PROCESSES] = answer["marks"]
                for what, count in answer["counts"].items():
                    counts[what] = counts.get(what, 0) + count
                continue
            walks.append(answer["walks"])
            looks.append(answer["looks"])
            hidden.update(answer["hidden"])
        return {"walks": walks, "looks": looks, "hidden": sorted(hidden), "errors": errors, "changes": counts}


def listen(sock, heard):
    while True:
        try:
            message = sock.recv(8192)
        except OSError as e:  # ENOBUFS: it is not devns then that lost events
            lost = f"lost: {errno.errorcode[e.errno]}"
            heard[lost] = heard.get(lost, 0) + 1
            continue
        vars = dict(s.split("=", 1) for s in message.decode(errors="replace").split("\0")[1:] if "=" in s)
        if vars.get("SUBSYSTEM") == "block":
            key = f"{vars['ACTION']} {vars['DEVPATH'].rsplit('/', 1)[1]}"
            heard[key] = heard.get(key, 0) + 1


heard, team, marks = {}, None, {}
fresh = room(), names_of_dev()
sock = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 15)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)  # as much as it gets
# before the first answer, after which devices come
sock.bind((0, 1))
threading.Thread(target=listen, args=(sock, heard), daemon=True).start()
for line in sys.stdin:
    word, _, argument = line.strip().partition(" ")
    answer = {}
    if word == "learn":
        walk(True), walk(True)
        answer = {"errors": met}
    elif word == "go":
        team = Team()
    elif word == "rest":
        answer, team = team.rest(), None
    elif word == "list":
        answer = {"paths": names(int(argument))}
    elif word == "calm":
        answer = rest_of_changes()
    elif word == "events":
        answer = {"heard": dict(heard)}
    print(json.dumps(answer), flush=True)
