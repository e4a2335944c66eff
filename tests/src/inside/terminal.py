import fcntl, json, os, pty, re, select, signal, struct, sys, termios, time

# terminal.py STEPS COMMAND...: run COMMAND in a terminal and do STEPS, a JSON list of
# ["expect", REGEX], ["send", TEXT], ["size", ROWS, COLUMNS], ["wait", SECONDS]. Prints JSON: the
# exit status, the screen, the step that failed, and whether the terminal is as it was.
steps, command = json.loads(sys.argv[1]), sys.argv[2:]


def size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


master, slave = pty.openpty()
size(master, 24, 80)
before = termios.tcgetattr(slave)
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in 0, 1, 2:
        os.dup2(slave, fd)
    os.closerange(3, 256)
    os.execvp(command[0], command)

screen, at = "", 0


def read(until):
    """Take up what is on the screen; False when nothing came until then."""
    global screen
    ready, _, _ = select.select([master], [], [], max(0, until - time.time()))
    if not ready:
        return False
    try:
        data = os.read(master, 65536)
    except OSError:
        return False
    screen += data.decode("utf-8", "replace")
    return bool(data)


failed = None
for step in steps:
    if step[0] == "expect":
        until = time.time() + 10
        while True:
            found = re.compile(step[1]).search(screen, at)
            if found:
                at = found.end()
                break
            if not read(until) and time.time() > until:
                failed = step
                break
    elif step[0] == "send":
        os.write(master, step[1].encode())
    elif step[0] == "size":
        size(master, step[1], step[2])
    elif step[0] == "wait":
        until = time.time() + step[1]
        while time.time() < until:
            read(until)
    if failed:
        break

status, until = None, time.time() + (1 if failed else 10)
while status is None and time.time() < until:
    read(time.time() + 0.02)
    done, how = os.waitpid(pid, os.WNOHANG)
    if done:
        status = os.waitstatus_to_exitcode(how)
if status is None:
    os.kill(pid, signal.SIGTERM)
    time.sleep(2)
    if os.waitpid(pid, os.WNOHANG)[0] == 0:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
while read(time.time() + 0.1):
    pass
restored = termios.tcgetattr(slave) == before
print(json.dumps({"status": status, "screen": screen, "failed": failed, "restored": restored}))
