#: --systemd --pkg dmsetup --pkg e2fsprogs --pkg mount --disk stick=16M --timeout 580
# What the kernel has on top of a disk when that is hidden, or pulled: device mapper, a loop device, mounts.
# `devns holders` names it, and where a rule asks for it, the container ends.
. /usr/local/lib/vm/lib.sh
modprobe -a fuse xhci_pci usb-storage sd_mod loop dm-mod ext4
udevadm settle

cat >/tmp/rules.yaml <<'R'
version: 1
policies:
  report:
    rules:
      - match: { subsystem: block, property: { LAB: "yes" } }
        show: rw
      - match: { subsystem: misc, devname: mapper/control }
        show: rw
  kill:
    rules:
      - match: { subsystem: block, property: { LAB: "yes" } }
        show: rw
        on_revoke: kill
      - match: { subsystem: misc, devname: mapper/control }
        show: rw
R

# show, hide: the host's udev says what the rules ask for, or not
say() {
    mkdir -p /run/udev/rules.d
    echo "KERNEL==\"sda\", ENV{LAB}=\"$1\"" >/run/udev/rules.d/99-lab.rules
    udevadm control --reload && udevadm trigger --settle /dev/sda
}

# begin NAME POLICY: a container that has the stick
begin() {
    [ -b /dev/sda ] || check "plug the stick" hmp device_add usb-storage,id=s,bus=usb.0,drive=stick,serial=STICK
    eventually "the host has it" test -b /dev/sda
    udevadm settle
    check "the stick shows" say yes
    start "$1" --policy /tmp/rules.yaml --use "$2" --cap-add SYS_ADMIN
    check "$1: it has the stick" is /dev/sda "$(ask "$1" 'ls /dev/sda')"
    refute "$1: nobody holds it" devns holders --name "$1" sda
}

# on_top NAME WHAT: `devns holders` says so, and nothing else
on_top() {
    devns holders --name "$1" "${3:-sda}" >/tmp/holders
    check "$1: holders says $2" is "$2" "$(sed -n 's/^ *-  (kernel)  //p' /tmp/holders | sed 's/ *b 8:0$//')"
    check "$1: and no process" is 3 "$(wc -l </tmp/holders)"
}

# over PID: it has ended, and nobody has waited for it yet
over() { [ -z "$(tr -d '\0' </proc/"$1"/cmdline)" ]; }

# killed NAME WHY: it ended for that
killed() {
    pid=$(cat /tmp/"$1".pid)
    eventually "$1: it is killed" over "$pid"
    kill "$(cat /tmp/"$1".holder)"
    wait "$pid"
    check "$1: its status" is 125 $?
    check "$1: why" grep "b 8:0 was revoked, and is still held by $2 (.*on_revoke: kill" /tmp/"$1".log
    rm -f /tmp/"$1".in /tmp/"$1".pid /tmp/"$1".holder
}
# lives NAME: it was looked for three times, and it was spared
lives() {
    sleep 2
    check "$1: it lives" is alive "$(ask "$1" 'echo alive')"
    stop "$1"
}

TABLE="0 32768 linear 8:0 0"

begin dm kill
check "device mapper on top" dmsetup create lab --table "$TABLE"
on_top dm "device dm-0"
check "the stick is hidden" say no
killed dm "device dm-0"
check "device mapper goes" dmsetup remove lab

for policy in report kill; do
    begin pulled $policy
    check "device mapper on top" dmsetup create lab --table "$TABLE"
    check "the stick is pulled" hmp device_del s
    if [ $policy = kill ]; then
        killed pulled "device dm-0"
    else
        eventually "pulled: the log says so" grep "b 8:0 was revoked, and is still held by device dm-0 (" /tmp/pulled.log
        on_top pulled "device dm-0" "b 8:0"
        lives pulled
    fi
    check "device mapper goes" dmsetup remove lab
done

# it may do so itself, once it has undone what hides the number of /dev/mapper/control
begin inside report
check "inside: device mapper on top" is "" "$(ask inside "umount /proc/devices /proc/misc && dmsetup create lab --table '$TABLE'")"
on_top inside "device dm-0"
check "the stick is hidden" say no
eventually "inside: the log says so" grep "b 8:0 was revoked, and is still held by device dm-0 (" /tmp/inside.log
lives inside
check "device mapper goes" dmsetup remove lab

begin loop kill
check "a loop device on top" losetup /dev/loop5 /dev/sda
on_top loop "loop loop5"
check "the stick is hidden" say no
killed loop "loop loop5"
check "the loop device goes" losetup -d /dev/loop5

check "a file system" mke2fs -q -F /dev/sda
begin mounted kill
check "mounted: a mount inside" is "" "$(ask mounted 'mkdir -p /tmp/inside && mount -t ext4 /dev/sda /tmp/inside')"
on_top mounted "mount inside /tmp/inside"
check "the stick is hidden" say no
killed mounted "mount inside /tmp/inside"

begin spared kill
mkdir -p /tmp/outside
check "spared: a mount of the host's" mount -t ext4 /dev/sda /tmp/outside
on_top spared "mount /tmp/outside"
check "the stick is hidden" say no
lives spared
check "the mount goes" umount /tmp/outside
finish
