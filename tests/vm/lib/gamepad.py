"""A gamepad of uinput's: there while its stdin is open; each line presses its first button and lets it go."""
import fcntl, os, struct, sys

# linux/uinput.h, linux/input-event-codes.h
UI_DEV_CREATE, UI_DEV_DESTROY = 0x5501, 0x5502
UI_SET_EVBIT, UI_SET_KEYBIT, UI_SET_ABSBIT = 0x40045564, 0x40045565, 0x40045567
EV_SYN, EV_KEY, EV_ABS = 0, 1, 3
BTN_SOUTH, BTN_EAST, ABS_X, ABS_Y = 0x130, 0x131, 0, 1
BUS_USB = 3

pad = os.open("/dev/uinput", os.O_WRONLY)
for event in (EV_KEY, EV_ABS):
    fcntl.ioctl(pad, UI_SET_EVBIT, event)
for button in (BTN_SOUTH, BTN_EAST):
    fcntl.ioctl(pad, UI_SET_KEYBIT, button)
for axis in (ABS_X, ABS_Y):
    fcntl.ioctl(pad, UI_SET_ABSBIT, axis)
# struct uinput_user_dev: name, id, ff_effects_max, then for each of 64 axes its max, min, fuzz, flat
axes = lambda value: struct.pack("64i", *(value if axis in (ABS_X, ABS_Y) else 0 for axis in range(64)))
os.write(pad, struct.pack("80s4HI", b"Test Gamepad", BUS_USB, 0x1234, 0x5678, 1, 0)
         + axes(127) + axes(-127) + axes(0) + axes(0))
fcntl.ioctl(pad, UI_DEV_CREATE)
print("created", flush=True)
for _ in sys.stdin:
    for value in (1, 0):
        for event in ((EV_KEY, BTN_SOUTH, value), (EV_SYN, 0, 0)):
            os.write(pad, struct.pack("qqHHi", 0, 0, *event))
fcntl.ioctl(pad, UI_DEV_DESTROY)
