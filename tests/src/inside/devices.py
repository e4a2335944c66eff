import sys

import pyudev

# devices.py list: print the path of every device, sorted. devices.py monitor: print `ready`, and a line for
# every event of the kernel: action, path, node, and whether an attribute of it can be read.
context = pyudev.Context()
if sys.argv[1] == "list":
    for path in sorted(device.sys_path for device in context.list_devices()):
        print(path)
else:
    monitor = pyudev.Monitor.from_netlink(context, source="kernel")
    monitor.start()
    print("ready", flush=True)
    for device in iter(monitor.poll, None):
        number = device.attributes.get("dev", b"none").decode().strip()
        print(device.action, device.device_path, device.device_node, number, flush=True)
