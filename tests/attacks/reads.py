"""Opens and reads every file below TOPS (CAPS, UID: as whom), and prints what came of it.

A line for each file and access: `PATH MODE`, a tab, an errno or the length and a digest of what was
read.
"""
import hashlib


def tree(top):
    for path, names, files in os.walk(top):
        names.sort()
        for name in sorted(files):
            full = path + "/" + name
            if stat.S_ISREG(os.lstat(full).st_mode):
                yield full


def content(path, flags):
    fd = os.open(path, flags | os.O_NONBLOCK)
    try:
        if flags == os.O_WRONLY:
            return None
        data, at = b"", 0
        while len(data) < 1 << 20:
            # piecewise: a page at a time is what text attributes want, offsets what binary ones do
            chunk = os.pread(fd, 4096, at)
            if not chunk:
                break
            data, at = data + chunk, at + len(chunk)
        return "%d %s" % (len(data), hashlib.sha256(data).hexdigest()[:16])
    finally:
        os.close(fd)


files = [f for top in TOPS for f in (tree(top) if os.path.isdir(top) else [top])]
if CAPS is not None:
    # uid 0 would get them back by exec only; here none is executed
    check(libc.prctl(8, 1, 0, 0, 0))
    if UID:
        os.setgroups([])
        os.setresgid(UID, UID, UID)
        os.setresuid(UID, UID, UID)
    set_caps(CAPS)
for path in files:
    # again: what was text the first time, the kernel reads by itself
    for name, flags in (("r", os.O_RDONLY), ("again r", os.O_RDONLY), ("w", os.O_WRONLY), ("rw", os.O_RDWR)):
        if name.split()[-1] in MODES:
            say("%s %s" % (path, name), result(lambda: content(path, flags)))
