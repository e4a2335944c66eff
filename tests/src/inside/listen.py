import errno, json, os, select, socket, sys

NETLINK_KOBJECT_UEVENT = 15
SO_PASSCRED, SCM_CREDENTIALS = 16, 2


def opened(path):
    """'ok', or the name of the errno that open(2) gives."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        return "ok"
    except OSError as e:
        return errno.errorcode[e.errno]


def look(pairs):
    facts = dict(pairs)
    seen = {}
    if "DEVNAME" in facts:
        node = "/dev/" + facts["DEVNAME"]
        seen["node"] = opened(node)
        try:
            st = os.stat(node)
            seen["devnum"] = "%d:%d" % (os.major(st.st_rdev), os.minor(st.st_rdev))
        except OSError:
            pass
    if "DEVPATH" in facts:
        seen["sysfs"] = opened("/sys" + facts["DEVPATH"])
        if facts.get("SUBSYSTEM"):
            name = facts["DEVPATH"].rsplit("/", 1)[1].replace("!", "/")
            seen["class"] = opened("/sys/class/%s/%s" % (facts["SUBSYSTEM"], name))
    return seen


def write(order):
    """Write texts to one open file, one after the other: the counts, or the errno's name."""
    results = []
    try:
        fd = os.open(order["write"], os.O_WRONLY)
    except OSError as e:
        return [errno.errorcode[e.errno]]
    for text in order["texts"]:
        try:
            results.append(os.write(fd, text.encode("latin-1")))
        except OSError as e:
            results.append(errno.errorcode[e.errno])
    os.close(fd)
    return results


s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_KOBJECT_UEVENT)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
s.setsockopt(socket.SOL_SOCKET, SO_PASSCRED, 1)
s.bind((0, 1))
print("ready", flush=True)
orders = b""
while True:
    readable, _, _ = select.select([s, 0], [], [])
    if s in readable:
        data, extra, _, source = s.recvmsg(65536, 256)
        parts = [p.decode("latin-1") for p in data.split(b"\0") if p]
        pairs = [p.split("=", 1) for p in parts[1:]]
        event = {"head": parts[0], "vars": pairs, "source": list(source)}
        for level, kind, cred in extra:
            if kind == SCM_CREDENTIALS:
                event["uid"] = int.from_bytes(cred[4:8], sys.byteorder)
        event.update(look(pairs))
        print(json.dumps(event), flush=True)
    elif 0 in readable:
        more = os.read(0, 1 << 20)
        if not more:
            break
        orders += more
        while b"\n" in orders:
            line, orders = orders.split(b"\n", 1)
            print(json.dumps({"wrote": write(json.loads(line))}), flush=True)
