#: --systemd
# A host with systemd and udevd: rules on what only udev finds out.
. /usr/local/lib/vm/lib.sh
modprobe -a fuse xhci_pci usbhid hid-generic evdev mousedev loop
udevadm settle

cat >/tmp/rules.yaml <<'R'
version: 1
policies:
  keyboards:
    rules:
      - name: keyboards, says udev
        match: { subsystem: input, property: { ID_INPUT_KEYBOARD: "1", ID_BUS: usb } }
        show: rw
R

# how long a device may stay unknown: rules.md says 5 s
patience=5

plug_and_pull() {
    c=$1
    start "$@" --policy /tmp/rules.yaml
    check "$c: no input device of the host" is "" "$(ask "$c" 'ls /dev/input 2>/dev/null')"

    check "plug the mouse" hmp device_add usb-mouse,id=m,bus=usb.0
    check "plug the keyboard" hmp device_add usb-kbd,id=k,bus=usb.0
    eventually "the host has the keyboard" event_of Keyboard
    keyboard=$(event_of "USB Keyboard")
    eventually_heard "$c" "add .*/$keyboard /dev/input/$keyboard opens"
    check "$c: input devices" is "$keyboard" "$(ask "$c" 'ls /dev/input | grep event')"
    check "$c: the host's links lead to it" is "../$keyboard" "$(ask "$c" 'ls -l /dev/input/by-id /dev/input/by-path' | sed -n 's/.* -> //p' | sort -u)"
    check "$c: told once" is 1 "$(heard "$c" "add .*/$keyboard " | wc -l)"
    mouse=$(event_of "USB Mouse")
    refute "$c: no trace of the mouse" grep -q "$mouse" /tmp/"$c".log /tmp/udevadm."$c"
    check "pull the keyboard" hmp device_del k
    eventually_heard "$c" "remove .*/$keyboard /dev/input/$keyboard gone"

    # what udev has not spoken of is unknown, and hidden
    check "stop udev" systemctl kill -s STOP systemd-udevd
    check "plug the keyboard again" hmp device_add usb-kbd,id=k2,bus=usb.0
    eventually "the host has the keyboard again" event_of "USB Keyboard"
    keyboard=$(event_of "USB Keyboard")
    sleep 1
    check "$c: hidden while udev is silent" is "" "$(ask "$c" 'ls /dev/input 2>/dev/null')"
    check "let udev go on" systemctl kill -s CONT systemd-udevd
    eventually "$c: shown when udev has spoken" is "$keyboard" "$(sleep 2; ask "$c" 'ls /dev/input | grep event')"
    check "pull it" hmp device_del k2
    eventually "$c: gone again" is "" "$(sleep 2; ask "$c" 'ls /dev/input 2>/dev/null')"

    check "stop udev for longer" systemctl kill -s STOP systemd-udevd
    check "plug the keyboard a third time" hmp device_add usb-kbd,id=k3,bus=usb.0
    eventually "the host has the keyboard" event_of "USB Keyboard"
    sleep $((patience + 3))
    check "$c: hidden for good" is "" "$(ask "$c" 'ls /dev/input 2>/dev/null')"
    check "$c: and the log says so" grep -q "devns: .*udev" /tmp/"$c".log
    check "let udev go on" systemctl kill -s CONT systemd-udevd
    check "pull it" hmp device_del k3
    check "pull the mouse" hmp device_del m
    udevadm settle
    stop "$c"
}

plug_and_pull plain
plug_and_pull mapped --userns

# a keyboard that was there before the container is one from its start
check "plug a keyboard beforehand" hmp device_add usb-kbd,id=k4,bus=usb.0
eventually "the host has it" event_of "USB Keyboard"
udevadm settle
keyboard=$(event_of "USB Keyboard")
start coldplug --policy /tmp/rules.yaml
check "coldplug: it is there" is "$keyboard" "$(ask coldplug 'ls /dev/input | grep event')"
stop coldplug

# the host's services go on: udev was not disturbed
check "udev still answers" udevadm settle --timeout=10
finish
