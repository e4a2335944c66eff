import errno, json, os, select, socket, subprocess, sys

# Prints `ready`, then for every uevent of a device with a node, the moment it is read, what can be done to
# the node, which links lead to it, and whether the node made-NAME that somebody made of it is there. Runs the
# shell commands that it reads from its stdin, one a line, and ends with it.
NETLINK_KOBJECT_UEVENT = 15


def opened(path, flags):
    try:
        os.close(os.open(path, flags | os.O_NONBLOCK))
        return "ok"
    except OSError as e:
        return errno.errorcode[e.errno]


def links(name):
    found = []
    for top, directories, files in os.walk("/dev"):
        for path in (os.path.join(top, f) for f in files + directories):
            if os.path.islink(path) and os.path.basename(os.readlink(path)) == name:
                found.append(path[len("/dev/"):])
    return sorted(found)


def look(name):
    node = "/dev/" + name
    return {
        "read": opened(node, os.O_RDONLY),
        "write": opened(node, os.O_WRONLY),
        "links": links(name),
        "made": opened("/dev/made-" + name, os.O_RDONLY),
    }


s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_KOBJECT_UEVENT)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
s.bind((0, 1))
print("ready", flush=True)
while True:
    readable, _, _ = select.select([s, 0], [], [])
    if s in readable:
        parts = s.recv(65536).decode("latin-1").split("\0")
        facts = dict(p.split("=", 1) for p in parts[1:] if p)
        if "DEVNAME" in facts:
            event = {"action": facts["ACTION"], "name": facts["DEVNAME"], **look(facts["DEVNAME"])}
            print(json.dumps(event), flush=True)
    elif 0 in readable:
        line = sys.stdin.buffer.raw.readline()
        if not line:
            break
        done = subprocess.run(line, shell=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        print(json.dumps({"ran": done.returncode, "said": (done.stdout + done.stderr).strip()}), flush=True)
