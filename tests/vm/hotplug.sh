#: --disk stick=16M --disk other=16M
# USB devices come and go while a container listens: the keyboard and the stick are its own, the
# mouse is not. No udev: rules match what the kernel says.
. /usr/local/lib/vm/lib.sh
modprobe -a fuse xhci_pci usbhid hid-generic evdev mousedev usb-storage sd_mod loop

cat >/tmp/rules.yaml <<'R'
version: 1
policies:
  desk:
    rules:
      - name: keyboards
        match: { subsystem: input, parent: { subsystem: input, property: { NAME: '"*Keyboard*"' } } }
        show: rw
      - name: sticks
        match: { subsystem: block, parent: { subsystem: usb, driver: usb-storage } }
        show: rw
R

# plug_and_pull NAME ARGUMENTS: the whole way once
plug_and_pull() {
    c=$1
    start "$@" --policy /tmp/rules.yaml
    check "$c: no device of the host" is "" "$(ask "$c" 'ls /sys/class/input /sys/class/block /dev/input /dev/sd* | grep -v : 2>/dev/null' | grep -v 'No such')"

    check "plug the mouse" hmp device_add usb-mouse,id=m,bus=usb.0
    eventually "the host has the mouse" event_of Mouse
    mouse=$(event_of Mouse)
    check "plug the keyboard" hmp device_add usb-kbd,id=k,bus=usb.0
    eventually "the host has the keyboard" event_of Keyboard
    keyboard=$(event_of Keyboard)
    eventually_heard "$c" "add .*/input/input[0-9]+$"
    eventually_heard "$c" "add .*/$keyboard /dev/input/$keyboard opens"
    check "$c: udevadm heard it" grep -q "add .*/$keyboard (input)" /tmp/udevadm."$c"
    check "$c: input devices" is "$keyboard" "$(ask "$c" 'ls /dev/input')"
    check "$c: the keyboard's name" is "QEMU QEMU USB Keyboard" "$(ask "$c" "cat /sys/class/input/$keyboard/device/name")"
    refute "$c: no trace of the mouse" grep -q "$mouse" /tmp/"$c".log /tmp/udevadm."$c"

    check "plug the stick" hmp device_add usb-storage,id=s,bus=usb.0,drive=stick,serial=STICK
    eventually "the host has the stick" test -b /dev/sda
    eventually_heard "$c" "add .*/block/sda /dev/sda opens"
    check "$c: the disk" is sda "$(ask "$c" 'ls /sys/class/block')"
    check "$c: its size" is 32768 "$(ask "$c" 'cat /sys/block/sda/size')"
    check "$c: it reads and writes" is written "$(ask "$c" 'echo hello | dd of=/dev/sda conv=notrunc 2>/dev/null; head -c 5 /dev/sda | grep -q hello && echo written')"

    # a write to a uevent file: inside, and nowhere else
    devns monitor >/tmp/host.log 2>&1 &
    monitor=$!
    eventually "the host listens" grep -q listening /tmp/host.log
    ask "$c" 'echo "change 01234567-89ab-cdef-0123-456789abcdef A=1" > /sys/block/sda/uevent' >/dev/null
    eventually_heard "$c" "change .*/block/sda /dev/sda opens synthetic"
    refute "the host hears nothing of it" grep -q change /tmp/host.log
    kill $monitor

    check "pull the mouse" hmp device_del m
    check "pull the stick" hmp device_del s
    eventually_heard "$c" "remove .*/block/sda /dev/sda gone"
    check "pull the keyboard" hmp device_del k
    eventually_heard "$c" "remove .*/$keyboard /dev/input/$keyboard gone"
    check "$c: all is gone" is "" "$(ask "$c" 'ls /sys/class/input /sys/class/block /dev/sda /dev/input 2>/dev/null | grep -v : ')"
    refute "$c: no trace of the mouse at the end" grep -q "$mouse " /tmp/"$c".log
    refute "$c: no node was missing, refused, or stayed" grep -E "^event .* (missing|refused|stays)" /tmp/"$c".log
    stop "$c"
}

plug_and_pull plain
plug_and_pull mapped --userns
finish
