#: --systemd --pkg acl --pkg python3-minimal
# systemd as the first process of a container, and systemd-udevd.service there as Debian has it, with its condition and its
# sandbox: what its rules do to nodes and interfaces holds, and is gone with the device.
. /usr/local/lib/vm/lib.sh
modprobe -a fuse loop veth
udevadm settle

cat >/tmp/rules.yaml <<'R'
version: 1
policies:
  p:
    rules:
      - match: { subsystem: block, devname: loop9 }
        show: rw
R

# What runs before systemd: units and rules in a /run that is the container's own. `lab` does what it is asked to.
mkdir -m 777 /srv/lab
cat >/srv/lab/begin.sh <<'B'
until [ -e /srv/lab/go ]; do usleep 100000; done
mkdir -p /run/systemd/system /run/udev/rules.d
cat >/run/systemd/system/lab.target <<'U'
[Unit]
DefaultDependencies=no
Wants=systemd-udevd.service lab.service
U
cat >/run/systemd/system/lab.service <<'U'
[Unit]
DefaultDependencies=no
After=systemd-udevd.service
[Service]
ExecStart=/bin/sh /usr/local/lib/vm/obey.sh
Environment=PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bb
StandardInput=file:/srv/lab/lab.in
StandardOutput=append:/srv/lab/lab.log
StandardError=append:/srv/lab/lab.log
U
cat >/run/udev/rules.d/95-lab.rules <<'U'
KERNEL=="loop9", SYMLINK+="mine/disk", MODE="0642", OWNER="1000", GROUP="games", RUN+="/usr/bin/setfacl -m u:1:rw $devnode"
SUBSYSTEM=="net", KERNEL=="veth7", NAME="lan0"
U
exec /usr/lib/systemd/systemd --unit=lab.target --show-status=false
B

# shows WANTED COMMAND: that is what the command prints inside
shows() { is "$1" "$(ask lab "$2" | xargs)"; }
settles() { shows 0 'udevadm settle --timeout=20; echo $?'; }
# LOOP_CTL_ADD, LOOP_CTL_REMOVE (linux/loop.h)
loop() { python3 -c "import fcntl, os; fcntl.ioctl(os.open('/dev/loop-control', os.O_RDWR), $1, 9)"; }
# the directory that devns has made for it
cgroup() { find /sys/fs/cgroup -path '*devns/lab-*' -type d | head -1; }
has_cgroup() { [ -n "$(cgroup)" ]; }

# boot KIND OPTIONS: systemd in a container of this kind, and what its udevd does
boot() {
    c=$1
    shift
    rm -f /srv/lab/go /srv/lab/lab.in /tmp/lab.log
    mkfifo -m 666 /srv/lab/lab.in
    exec 7<>/srv/lab/lab.in
    : >/srv/lab/lab.log
    chmod 666 /srv/lab/lab.log
    # where `ask` looks
    ln -sf /srv/lab/lab.in /srv/lab/lab.log /tmp/
    devns run --name lab -t --policy /tmp/rules.yaml --cap-add SYS_ADMIN --cap-add NET_ADMIN \
        -e PATH="$PATH" "$@" -- sh /srv/lab/begin.sh </dev/null >/tmp/devns.log 2>&1 &
    pid=$!
    eventually "$c: it has a cgroup" has_cgroup
    cgroup=$(cgroup)
    # delegated: its root may divide it
    [ "$c" = plain ] || check "$c: its root has the cgroup" \
        chown 100000:100000 "$cgroup" "$cgroup"/cgroup.procs "$cgroup"/cgroup.threads "$cgroup"/cgroup.subtree_control
    : >/srv/lab/go
    eventually "$c: systemd is up" grep -qx ready /tmp/lab.log

    check "$c: the first process is systemd" shows systemd "cat /proc/1/comm"
    check "$c: the unit runs" shows "active running" "systemctl show --value -p ActiveState,SubState systemd-udevd.service"
    check "$c: its condition holds: /sys can be written to" shows yes "systemctl show --value -p ConditionResult systemd-udevd.service"
    check "$c: it is Debian's" shows /lib/systemd/system/systemd-udevd.service "systemctl show --value -p FragmentPath,DropInPaths systemd-udevd.service"
    udevd=$(ask lab "systemctl show --value -p MainPID systemd-udevd.service")
    check "$c: it has its sandbox" shows own "[ \$(readlink /proc/$udevd/ns/mnt) != \$(readlink /proc/1/ns/mnt) ] && echo own"
    check "$c: and filters" shows 2 "awk '/^Seccomp:/ { print \$2 }' /proc/$udevd/status"

    for round in 1 2; do
        check "$c $round: plug loop9" loop 0x4C80
        eventually "$c $round: its link is there" shows ../loop9 "readlink /dev/mine/disk"
        check "$c $round: udev settles" settles
        # the mode of a group is the mask of its ACL
        check "$c $round: mode and owner" shows "662 1000:60" "stat -c '%a %u:%g' /dev/loop9"
        check "$c $round: its ACL" shows "user::rw- user:1:rw- group::r-- mask::rw- other::-w-" "getfacl -cnp /dev/loop9"
        check "$c $round: in udev's database" shows "mine/disk" "udevadm info --query=symlink --name=/dev/loop9 | tr ' ' '\n' | grep mine"
        # the host's udev may have it open for a moment
        eventually "$c $round: pull loop9" loop 0x4C81
        eventually "$c $round: the node goes" shows "" "ls -d /dev/loop9 2>/dev/null"
        check "$c $round: udev settles again" settles
        check "$c $round: its link too, and what udev knows" shows "" "ls -d /dev/mine /run/udev/data/b7:9 2>/dev/null"
    done

    check "$c: an interface" shows "" "ip link add veth7 type veth"
    eventually "$c: it is renamed" shows lan0 "ls /sys/class/net | grep -e lan0 -e veth7"
    check "$c: udev settles" settles
    check "$c: it goes" shows "" "ip link delete lan0"
    check "$c: and its peer" shows lo "ls /sys/class/net"

    check "$c: the unit has not been started again" shows "$udevd" "systemctl show --value -p MainPID systemd-udevd.service"
    ask lab "systemctl exit" >/dev/null
    wait $pid || fail "$c: it ended with status $?"
    [ $failed = 0 ] || cat /tmp/devns.log /tmp/lab.log
}

boot plain
boot mapped --userns
finish
