"""What is handed over at the start: standard streams, keys, ids, the terminal."""
for fd in (0, 1, 2):
    attempt("fchmod %d" % fd, lambda: os.fchmod(fd, 0o666))
    attempt("kind %d" % fd, lambda: "%o %x" % (stat.S_IFMT(os.fstat(fd).st_mode), os.fstat(fd).st_rdev))
attempt("write to null", lambda: os.write(2, b"\n") and None)
attempt("read from null", lambda: len(os.read(0, 1)))
for name, ring in (("session", -3), ("user", -4)):
    attempt("key of the %s" % name, lambda: syscall(NR["keyctl"], 10, ring, b"user", b"devns-attack", 0) and None)
    attempt("new key of the %s" % name, lambda: syscall(NR["add_key"], b"user", b"devns-mine", b"x", 1, ring) and None)
say("uid_map", " ".join(open("/proc/self/uid_map").read().split()))
attempt("/dev/tty", lambda: os.close(os.open("/dev/tty", os.O_RDWR)))
for fd in (0, 1, 2):
    attempt("TIOCSTI %d" % fd, lambda: fcntl.ioctl(fd, 0x5412, b"x") and None)
    attempt("TIOCSCTTY %d" % fd, lambda: fcntl.ioctl(fd, 0x540E, 0) and None)
