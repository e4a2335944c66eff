"""What a sysfs of this network namespace has: every path, and those of pluggable devices that a
container has to see, whose names do not match the argument.

Runs in a mount namespace of its own, on the host.
"""
import json, os, re, subprocess, sys

HIDDEN = re.compile(sys.argv[1])
PLUGGED = re.compile(r"^(loop2\d\d|zram\d+|st\d+|tap\d+)$")
PLACES = re.compile(r"^/sys/(block|class/(block|net|macvtap)|devices/virtual/(block|net))/[^/]+$")
TOP = "/mnt"
subprocess.run(["mount", "-t", "sysfs", "stress", TOP], check=True)

paths, shown, stack = [], [], [TOP]
while stack:
    top = stack.pop()
    try:
        entries = list(os.scandir(top))
    except FileNotFoundError:
        continue
    for entry in entries:
        path = "/sys" + entry.path[len(TOP):]
        paths.append(path)
        if PLUGGED.match(entry.name) and PLACES.match(path):
            if not HIDDEN.match(entry.name):
                shown.append(path)
            if "/class/net/" not in path:
                node = f"/dev/{entry.name}"
                paths.append(node)
                if path in shown and "/net/" not in path:
                    shown.append(node)
        if entry.is_dir(follow_symlinks=False):
            stack.append(entry.path)
print(json.dumps({"paths": paths, "shown": shown}))
