"""Asks for more than a fair share. HOW: `hold` opens ATTRIBUTE as often as it can and polls each; `ask` and `uevent` never stop,
nor does `change`, which makes, moves and removes files and directories in DIRECTORY.

With `hold`, a line on stdin has everything closed.
"""
import resource, select

PROCESSES = 8
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def hold():
    held, polled, refused = [], select.epoll(), "nothing"
    while len(held) < 20000:
        try:
            held.append(os.open(ATTRIBUTE, os.O_RDONLY))
            os.read(held[-1], 100)
            polled.register(held[-1], select.EPOLLPRI)
        except OSError as e:
            refused = errno.errorcode[e.errno]
            break
    polled.poll(0)
    say("held", "%d %s" % (len(held), refused))
    sys.stdin.readline()
    for fd in held:
        os.close(fd)
    say("after", result(lambda: opened(ATTRIBUTE)))


def ask():
    number = 0
    while True:
        number += 1
        for path in ("/sys/class/none%d" % number, ATTRIBUTE, "/dev/none%d" % number):
            try:
                with open(path) as file:
                    file.read()
            except FileNotFoundError:
                pass


def uevent():
    fd = os.open(os.path.dirname(ATTRIBUTE) + "/uevent", os.O_WRONLY)
    while True:
        os.write(fd, b"change")


def change():
    own = "%s/flood-%d" % (DIRECTORY, os.getpid())
    os.mkdir(own)
    while True:
        os.close(os.open(own + "/file", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        os.mkdir(own + "/directory")
        os.rename(own + "/file", own + "/directory/file")
        os.unlink(own + "/directory/file")
        os.rmdir(own + "/directory")


def forever(act):
    for _ in range(PROCESSES):
        if os.fork() == 0:
            # PR_SET_PDEATHSIG: they end with this one, however it ends
            check(libc.prctl(1, signal.SIGKILL))
            act()
    say("flooding", HOW)
    sys.stdin.readline()


if HOW == "hold":
    hold()
else:
    forever({"ask": ask, "uevent": uevent, "change": change}[HOW])
