"""How often in a second ATTRIBUTE can be opened, read and closed, or, where there is none, a file be made in
DIRECTORY, looked at and removed: printed for each line on stdin."""
import os, sys, time


def read():
    fd = os.open(ATTRIBUTE, os.O_RDONLY)
    os.read(fd, 4096)
    os.close(fd)


def make():
    path = f"{DIRECTORY}/share"
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    os.stat(path)
    os.unlink(path)


act = read if ATTRIBUTE else make
print("ready", flush=True)
for _ in sys.stdin:
    count, end = 0, time.monotonic() + 1
    while time.monotonic() < end:
        act()
        count += 1
    print(count, flush=True)
