#: --smp 4
# The CPUs of a container on a kernel of the pure version 2 layout: those of its cgroup, or of the
# nearest above that has the controller.
. /usr/local/lib/vm/lib.sh
modprobe fuse
cat >/tmp/rules.yaml <<'R'
version: 1
policies:
  p:
    cpus: cgroup
R
top=/sys/fs/cgroup
cpus=/sys/devices/system/cpu
online() { ask cpus "cat $cpus/online"; }
shows() { test "$(online)" = "$1"; }

start cpus --policy /tmp/rules.yaml
set -- $top/devns/*/
own=$1
check "no controller: all that there are" is 0-3 "$(online)"
echo 0-2 >$top/devns/cpuset.cpus
eventually "that of the cgroup above" shows 0-2
echo +cpuset >$top/devns/cgroup.subtree_control
echo 1,3 >$own/cpuset.cpus
eventually "its own, within that above" shows 1
check "no directory of another" is cpu1 "$(ask cpus "ls $cpus" | grep 'cpu[0-9]')"
check "a mask as the kernel writes it" is 2 "$(ask cpus "cat $cpus/cpu1/topology/core_cpus")"
echo 0-3 >$top/devns/cpuset.cpus
eventually "what is above has grown" shows 1,3
echo 0 >$cpus/cpu3/online
eventually "one went offline" shows 1
check "it is not said to be offline either" is "" "$(ask cpus "cat $cpus/offline")"
echo 1 >$cpus/cpu3/online
eventually "it is back" shows 1,3
check "links too" is "cpu1 cpu3" "$(ask cpus 'echo $(ls /sys/bus/cpu/devices)')"
mkdir $top/elsewhere
echo 2 >$top/elsewhere/cpuset.cpus
stop cpus

check "whoever mounts has its own" sh -c "echo \$\$ >$top/elsewhere/cgroup.procs; mkdir -p /tmp/m; fusefs-sysfs --policy /tmp/rules.yaml /tmp/m && grep -qx 2 /tmp/m/devices/system/cpu/online && test ! -e /tmp/m/devices/system/cpu/cpu0 && umount /tmp/m"
finish
