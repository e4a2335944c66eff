import errno, json, os, socket, sys

# requests.py ROOT: ask of the tree at ROOT what it will not do; prints JSON, what came of each
root = os.fsencode(sys.argv[1])
# the one number has two names, and Python takes the other
errno.errorcode[errno.EOPNOTSUPP] = "EOPNOTSUPP"
results = {}


def ask(name, call, *args):
    try:
        call(*args)
        results[name] = "ok"
    except OSError as e:
        results[name] = errno.errorcode[e.errno]


def create(path):
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))


def exclusive(path):
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))


def temporary(path):
    os.close(os.open(path, os.O_TMPFILE | os.O_RDWR, 0o600))


def bind(path):
    s = socket.socket(socket.AF_UNIX)
    # a path of a socket is short, and takes any bytes
    s.bind(path)


NAMES = {
    "plain": b"nothing",
    "255": b"n" * 255,
    "256": b"n" * 256,
    "1000": b"n" * 1000,
    "not utf-8": b"\xff\xfe\x80",
    "newline": b"a\nb",
    "blank": b" ",
    "dots": b"...",
    "escape": b"\x1b[31m",
    "colon": b"0:0",
}
for where in json.loads(sys.argv[2]):
    top = root + os.fsencode(where)
    for what, name in NAMES.items():
        path = top + b"/" + name
        for call in (os.lstat, os.listdir, os.readlink, os.open):
            args = (path, os.O_RDONLY) if call is os.open else (path,)
            ask("%s %s %s" % (call.__name__, where, what), call, *args)
        ask("create %s %s" % (where, what), create, path)
        ask("create exclusively %s %s" % (where, what), exclusive, path)
        ask("mkdir %s %s" % (where, what), os.mkdir, path)
        ask("rmdir %s %s" % (where, what), os.rmdir, path)
        ask("unlink %s %s" % (where, what), os.unlink, path)
        ask("symlink %s %s" % (where, what), os.symlink, b"x", path)
        ask("fifo %s %s" % (where, what), os.mkfifo, path)
        ask("node %s %s" % (where, what), os.mknod, path, 0o20600, os.makedev(1, 3))
        ask("rename away %s %s" % (where, what), os.rename, path, path + b"x")
        if len(path) < 100:
            ask("socket %s %s" % (where, what), bind, path)
    ask("temporary %s" % where, temporary, top)
    ask("getxattr %s" % where, os.getxattr, top, b"user.x")
    ask("setxattr %s" % where, os.setxattr, top, b"user.x", b"1")
    ask("removexattr %s" % where, os.removexattr, top, b"user.x")
    ask("unlink directory %s" % where, os.unlink, top)
    ask("open for writing %s" % where, os.open, top, os.O_WRONLY)
    ask("truncate %s" % where, os.truncate, top, 0)
    ask("long path %s" % where, os.lstat, top + b"/x" * 2500)
for path in json.loads(sys.argv[3]):
    full = root + os.fsencode(path)
    other = full + b".new"
    ask("rename %s" % path, os.rename, full, other)
    ask("rename onto %s" % path, os.rename, full, root + b"/class")
    ask("rename up %s" % path, os.rename, full, root + b"/up")
    ask("link %s" % path, os.link, full, other)
    ask("unlink %s" % path, os.unlink, full)
    ask("rmdir %s" % path, os.rmdir, full)
    ask("mkdir %s" % path, os.mkdir, full)
    ask("symlink %s" % path, os.symlink, b"x", full)
    ask("mknod %s" % path, os.mknod, full, 0o10600)
    ask("create exclusively %s" % path, exclusive, full)
    ask("open as directory %s" % path, os.open, full, os.O_RDONLY | os.O_DIRECTORY)
    ask("below %s" % path, os.lstat, full + b"/x")
    ask("setxattr %s" % path, os.setxattr, full, b"user.x", b"1")
    ask("listdir %s" % path, os.listdir, full)
    ask("readlink %s" % path, os.readlink, full)
print(json.dumps(results))
