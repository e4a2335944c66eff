#: --systemd --pkg crun --pkg mtools --pkg dosfstools --pkg fdisk --pkg python3-minimal --pkg coreutils --pkg mount
#: --disk stick=16M --timeout 580
# A keyboard, a serial line, a stick and a gamepad that come while a container of crun's runs: they work in
# there, with a user namespace, and vanish. Without one, and with SYS_ADMIN, the stick can be mounted.
. /usr/local/lib/vm/lib.sh
. /usr/local/lib/vm/crun.sh
modprobe -a fuse overlay xhci_pci usbhid hid-generic evdev mousedev usb-storage sd_mod usbserial ftdi_sio uinput \
    vfat nls_cp437 nls_ascii
udevadm settle
null=$(stat -c '%u:%g %a' /dev/null)

cat >/tmp/rules.yaml <<'R'
version: 1
policies:
  desk:
    rules:
      - name: keyboards, but not the machine's own
        match: { subsystem: input, devname: "input/event*", property: { ID_INPUT_KEYBOARD: "1", ID_BUS: usb } }
        show: rw
        node: { mode: "0640", gid: 104 }
      - name: gamepads
        match: { subsystem: input, devname: "input/event*", property: { ID_INPUT_JOYSTICK: "1" } }
        show: rw
        node: { link: "input/pad" }
      - name: serial adapters
        match: { subsystem: tty, devname: ["ttyUSB*", "ttyACM*"] }
        show: rw
      - name: sticks
        match: { subsystem: block, parent: { subsystem: usb, driver: usb-storage } }
        show: rw
R

plug_stick() { hmp device_add usb-storage,id=s,bus=usb.0,drive=stick,serial=STICK; }

# a file on the stick, in a partition with a label
check "plug the stick" plug_stick
eventually "the host has it" test -b /dev/sda
check "a partition" sh -c 'echo "2048,,c" | sfdisk -q /dev/sda && udevadm settle'
eventually "the host has that" test -b /dev/sda1
check "a file system" sh -c 'mkfs.vfat -n HOLIDAY /dev/sda1 && echo "from afar" >/tmp/card && mcopy -i /dev/sda1 /tmp/card ::/card.txt && sync'
check "pull the stick" hmp device_del s
udevadm settle

# copy NAME NODE: its number under /nodes too, by no way of ours
copy() {
    at=/srv/$1/nodes/$(basename "$2")
    rm -f "$at"
    kind=c
    [ -b "/dev/$2" ] && kind=b
    # shellcheck disable=SC2046
    set -- $(stat -c "%t %T" "/dev/$2")
    mknod -m 666 "$at" $kind $((0x$1)) $((0x$2))
}
# has NAME PATTERN
has() { [ -n "$(ask "$1" "ls -d $2 2>/dev/null")" ]; }
hasnt() { ! has "$1" "$2"; }
# shows NAME WANTED COMMAND: that is what the command prints inside
shows() { is "$2" "$(ask "$1" "$3")"; }
opens() { ask "$1" "( : <$2 ) && echo opens"; }
# the copy of a device that went, which no rule shows any more: refused by the gate, before its driver is asked
refused() { opens "$1" "/nodes/$2" | grep -q "not permitted"; }

# hold NAME NODE: somebody inside reads it to its end, which comes with the device's
hold() {
    ask "$1" "rm -f /tmp/held /tmp/end; ( cat $2 >/tmp/held 2>/tmp/why; echo ended >/tmp/end ) </dev/null >/dev/null 2>&1 &" >/dev/null
}
# what who held it was told at the end
told() { ask "$1" 'cat /tmp/why' | grep -i "$2"; }
ended() { ask "$1" 'cat /tmp/end 2>/dev/null' | grep -qx ended; }

# the first key event that was read: type, code, value
key_of() { ask "$1" 'od -An -v -w24 -tu2 /tmp/held' | awk '$9 == 1 { print $10, $11; exit }'; }
pressed() {
    $2 >/dev/null
    sleep 0.3
    [ "$(key_of "$1")" = "$3" ] || { ask "$1" 'ls -l /tmp/held; cat /tmp/why'; return 1; }
}
press_key() { hmp sendkey a; }
press_button() { echo press >/tmp/pad.in; }

mouse_is() { is "$1" "$(event_of "USB Mouse")"; }

keyboard() {
    c=$1
    check "plug the keyboard" hmp device_add usb-kbd,id=k,bus=usb.0
    eventually "the host has the keyboard" event_of "USB Keyboard"
    keyboard=$(event_of "USB Keyboard")
    eventually "$c: the keyboard is there" has "$c" /dev/input/"$keyboard"
    check "$c: nothing else is" is "$keyboard" "$(ask "$c" 'ls /dev/input | grep event')"
    # by another server, which may be later
    eventually "$c: in /sys too" shows "$c" "$keyboard" 'ls /sys/class/input | grep event'
    check "$c: with the host's link to it" is ../"$keyboard" "$(ask "$c" 'readlink /dev/input/by-id/usb-QEMU_QEMU_USB_Keyboard_*-event-kbd')"
    check "$c: whose it is" is "0:104 640" "$(ask "$c" "stat -c '%u:%g %a' /dev/input/$keyboard")"
    copy "$c" input/"$keyboard"
    check "$c: a copy opens" is opens "$(opens "$c" /nodes/"$keyboard")"
    hold "$c" /dev/input/"$keyboard"
    eventually "$c: it reads a key" pressed "$c" press_key "30 1"
    check "pull the keyboard" hmp device_del k
    eventually "$c: it is gone" hasnt "$c" /dev/input/"$keyboard"
    eventually "$c: who read it is told" ended "$c"
    check "$c: how" told "$c" "No such device"
    eventually "$c: nothing is left of it" shows "$c" "" 'find /dev/input 2>/dev/null; ls /sys/class/input 2>/dev/null'
    check "$c: a copy is refused" refused "$c" "$keyboard"
    # its number is another's, who is not to be seen
    check "plug the mouse" hmp device_add usb-mouse,id=m,bus=usb.0
    eventually "it has the number" mouse_is "$keyboard"
    udevadm settle
    sleep 1
    check "$c: a copy is still refused" refused "$c" "$keyboard"
    check "$c: no trace of the mouse" hasnt "$c" /dev/input/"$keyboard"
    check "pull the mouse" hmp device_del m
}

# the other end of the line, a serial port of the host's that the container does not have
far_end() {
    for dir in /sys/class/tty/ttyS*; do
        case $(readlink "$dir") in
            */pci*) basename "$dir" && return ;;
        esac
    done
    return 1
}
sent() {
    echo "$3" >/dev/"$2"
    sleep 0.3
    ask "$1" 'cat /tmp/held' | grep -q "$3"
}
arrived() {
    ask "$1" 'echo to the lab >/dev/ttyUSB0' >/dev/null
    sleep 0.3
    grep -q "to the lab" /tmp/far
}

serial() {
    c=$1
    check "a cable" hmp 'chardev-add socket,id=near,path=$DIR/cable,server=on,wait=off'
    check "its other end" hmp 'chardev-add socket,id=far,path=$DIR/cable'
    check "plug the far end" hmp device_add pci-serial,id=f,bus=rp1,chardev=far
    eventually "the host has it" far_end
    far=$(far_end)
    stty -F /dev/"$far" 9600 raw -echo clocal
    cat /dev/"$far" >/tmp/far &
    reader=$!
    check "plug the serial adapter" hmp device_add usb-serial,id=u,bus=usb.0,chardev=near
    eventually "$c: the line is there" has "$c" /dev/ttyUSB0
    eventually "$c: with the host's link" has "$c" "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_*-port0"
    copy "$c" ttyUSB0
    check "$c: a copy opens" is opens "$(opens "$c" /nodes/ttyUSB0)"
    check "$c: stty sets it" is "9600 baud;" "$(ask "$c" 'stty -F /dev/ttyUSB0 9600 raw -echo clocal && stty -F /dev/ttyUSB0' | grep -o '[0-9]* baud;')"
    hold "$c" /dev/ttyUSB0
    eventually "$c: what it writes arrives" arrived "$c"
    eventually "$c: it reads what is sent" sent "$c" "$far" "from the lab"
    check "$c: the far end is hidden" hasnt "$c" /dev/"$far"
    check "pull the serial adapter" hmp device_del u
    eventually "$c: it is gone" hasnt "$c" /dev/ttyUSB0
    eventually "$c: who read it is told" ended "$c"
    check "$c: its links too" hasnt "$c" /dev/serial
    check "$c: a copy is refused" refused "$c" ttyUSB0
    kill $reader
    wait $reader 2>/tmp/terminated
    check "pull the far end" hmp device_del f
}

stick() {
    c=$1
    check "plug the stick" plug_stick
    eventually "$c: the partition is there" has "$c" /dev/sda1
    eventually "$c: by its label" has "$c" /dev/disk/by-label/HOLIDAY
    copy "$c" sda1
    check "$c: a copy opens" is opens "$(opens "$c" /nodes/sda1)"
    check "$c: mdir lists it" is 1 "$(ask "$c" 'mdir -b -i /dev/disk/by-label/HOLIDAY ::' | grep -c card.txt)"
    check "$c: mcopy reads it" is "from afar" "$(ask "$c" 'mcopy -n -i /dev/disk/by-label/HOLIDAY ::/card.txt /tmp/card && cat /tmp/card')"
    check "$c: and writes" is "from inside" "$(ask "$c" 'echo "from inside" >/tmp/new && mcopy -o -i /dev/disk/by-label/HOLIDAY /tmp/new ::/new.txt && mtype -i /dev/sda1 ::/new.txt')"
    "$2" "$c"
    ask "$c" "rm -f /tmp/go /tmp/held; ( exec 9</dev/sda1; echo held >/tmp/held; until [ -e /tmp/go ]; do sleep 0.1; done; dd bs=512 count=1 iflag=direct <&9 >/tmp/read; echo status \$? ) </dev/null >/dev/null 2>/tmp/why &" >/dev/null
    eventually "$c: somebody holds it" has "$c" /tmp/held
    check "pull the stick" hmp device_del s
    eventually "$c: it is gone" hasnt "$c" /dev/sda1
    check "$c: the disk and the links too" is "" "$(ask "$c" 'ls -d /dev/sda* /dev/disk 2>/dev/null')"
    eventually "$c: in /sys too" shows "$c" "" 'ls /sys/class/block'
    check "$c: the log says who holds it" grep "b 8:1 was revoked, and is still held by busybox (.*, descriptor 9)" /tmp/"$c".dev.log
    ask "$c" ': >/tmp/go' >/dev/null
    eventually "$c: who held it reads nothing" told "$c" error
    check "$c: a copy is refused" refused "$c" sda1
}
no_mount() {
    # SYS_ADMIN there is not the host's: the kernel lets it mount no disk
    check "$1: it may mount" is mounted "$(ask "$1" 'mkdir -p /tmp/m; mount -t tmpfs t /tmp/m && umount /tmp/m && echo mounted')"
    check "$1: but no disk in a user namespace" shows "$1" "mount: permission denied (are you root?)" 'mount -t vfat /dev/sda1 /tmp/m'
}
mount_it() {
    check "$1: it can be mounted" is "from afar" "$(ask "$1" 'mkdir -p /tmp/m; mount -t vfat /dev/disk/by-label/HOLIDAY /tmp/m && cat /tmp/m/card.txt; umount /tmp/m')"
}

gamepad() {
    c=$1
    mkfifo /tmp/pad.in
    python3 $here/gamepad.py </tmp/pad.in >/tmp/pad.log 2>&1 &
    pad_pid=$!
    exec 8>/tmp/pad.in
    eventually "the host has the gamepad" event_of "Test Gamepad"
    pad=$(event_of "Test Gamepad")
    eventually "$c: the gamepad is there" has "$c" /dev/input/"$pad"
    check "$c: by the rule's link" is "$pad" "$(ask "$c" 'readlink /dev/input/pad')"
    copy "$c" input/"$pad"
    check "$c: a copy opens" is opens "$(opens "$c" /nodes/"$pad")"
    hold "$c" "/dev/input/event*"
    eventually "$c: it reads a button" pressed "$c" press_button "304 1"
    exec 8>&-
    wait $pad_pid || fail "gamepad: $(cat /tmp/pad.log)"
    eventually "$c: it is gone" hasnt "$c" /dev/input/"$pad"
    check "$c: its link too" is "" "$(ask "$c" 'find /dev/input 2>/dev/null')"
    eventually "$c: who read it is told" ended "$c"
    check "$c: a copy is refused" refused "$c" "$pad"
    rm /tmp/pad.in
}

start_one() {
    crun_start "$1" /tmp/rules.yaml "$2" "$3"
    check "$1: root has the mounts" is "0:0" "$(ask "$1" 'stat -c %u:%g /dev')"
    check "$1: no device of the host" is "" "$(ask "$1" 'ls -d /dev/input /dev/sd* /dev/vd* /dev/ttyS* /dev/uinput 2>/dev/null')"
    check "$1: the standard nodes open" is 1 "$(ask "$1" 'head -c1 /dev/zero | wc -c; : >/dev/null' | head -1)"
    check "$1: what crun mounts in /dev is there" is "devpts mqueue tmpfs" "$(ask "$1" "awk '\$2 ~ \"^/dev/\" { print \$3 }' /proc/mounts" | sort | xargs)"
    check "$1: a terminal of its own" is 1 "$(ask "$1" 'ls /dev/pts | grep -c ptmx')"
}

start_one mapped 100000 "$CAPABILITIES SYS_ADMIN"
check "mapped: root is 100000 on the host" is 100000:100000 "$(stat -c %u:%g /srv/mapped/dev)"
keyboard mapped
serial mapped
stick mapped no_mount
gamepad mapped
crun_stop mapped

start_one plain 0 "$CAPABILITIES SYS_ADMIN"
stick plain mount_it
crun_stop plain

check "the host's /dev/null is as it was" is "$null" "$(stat -c '%u:%g %a' /dev/null)"
finish
