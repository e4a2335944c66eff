"""Asks for more than a fair share. HOW: `hold` opens ATTRIBUTE as often as it can and polls each; `ask` and `uevent` never stop.

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


def forever(act):
    for _ in range(PROCESSES):
        if os.fork() == 0:
            act()
    say("flooding", HOW)
    sys.stdin.readline()
    os.killpg(0, signal.SIGKILL)


if HOW == "hold":
    hold()
else:
    forever({"ask": ask, "uevent": uevent}[HOW])
