# The device cgroup on a kernel of the pure version 2 layout, from inside and around the nodes.
. /usr/local/lib/vm/lib.sh
modprobe -a fuse loop
cat >/tmp/rules.yaml <<'R'
version: 1
policies:
  p:
    rules:
      - match: { subsystem: block, devname: loop3 }
        show: rw
      - match: { subsystem: block, devname: loop4 }
        show: ro
R
# a root file system that holds nodes of its own, as an unpacked image may
mkdir -p /tmp/nodes
for n in 3 4 5; do mknod /tmp/nodes/loop$n b 7 $n; done
mknod /tmp/nodes/vda b 254 0
chmod 666 /tmp/nodes/*

start gate --policy /tmp/rules.yaml --device-cgroup v2 --cap-add MKNOD
check "the program is v2's" test -d /sys/fs/cgroup/devns
check "rw opens both ways" is opens "$(ask gate 'exec 9<>/dev/loop3 && echo opens; exec 9>&-')"
check "ro opens to read" is opens "$(ask gate 'exec 9</dev/loop4 && echo opens; exec 9>&-')"
check "ro has no write bit" is br-------- "$(ask gate 'ls -l /dev/loop4' | cut -c1-10)"
refute "ro does not open to write" is opens "$(ask gate '( exec 9>>/dev/loop4 ) 2>/dev/null && echo opens')"
refute "a hidden device's number can be made no node of" is made "$(ask gate 'mknod /tmp/made b 7 5 2>/dev/null && echo made')"
check "the number of one that shows can" is made "$(ask gate 'mknod /tmp/made b 7 3 2>/dev/null && echo made')"
# the container's mounts are nodev; the gate is what holds where one is not
check "no node of an image opens" is "" "$(ask gate 'for n in /tmp/nodes/*; do ( exec 9<$n ) 2>/dev/null && echo $n; done')"
stop gate

# an unprivileged limit on locked memory, which kernels before 5.11 charged bpf to
check "with no memory to lock" sh -c 'ulimit -l 0; devns run --device-cgroup v2 -e PATH="$PATH" -- true'
check "v1, where it is mounted" sh -c 'mkdir -p /tmp/v1 && mount -t cgroup -o devices c /tmp/v1 && devns run --device-cgroup v1 -e PATH="$PATH" -- sh -c ": </dev/null"; s=$?; sleep 1; umount /tmp/v1; exit $s'
check "the demo" devns demo
check "fusefs-sysfs by itself" sh -c 'mkdir -p /tmp/m && fusefs-sysfs --policy builtin:all /tmp/m && ls /tmp/m/class/block | grep -q loop3 && umount /tmp/m'
check "fusefs-dev by itself" sh -c 'fusefs-dev --policy builtin:all /tmp/m && : </tmp/m/loop3 && umount /tmp/m'
finish
