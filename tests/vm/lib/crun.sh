# Containers of crun whose /dev and /sys are mounts of ours. `. /usr/local/lib/vm/crun.sh`
#
# Of container NAME is, on the host: /srv/NAME/dev and /srv/NAME/sys, its view; /srv/NAME/nodes, which it
# has as /nodes and where nodes can be made that came some other way; its cgroup /sys/fs/cgroup/vm-NAME.

# what runtimes give when nobody says otherwise, less MKNOD
CAPABILITIES="CHOWN DAC_OVERRIDE FSETID FOWNER SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL"

# config NAME FIRST CAPABILITIES: its config.json; with FIRST a user namespace from that id of the host on
config() {
    caps=
    for cap in $3; do caps="$caps${caps:+, }\"CAP_$cap\""; done
    user= mappings=
    if [ "$2" != 0 ]; then
        user=', { "type": "user" }'
        map="[{ \"containerID\": 0, \"hostID\": $2, \"size\": 65536 }]"
        mappings="\"uidMappings\": $map, \"gidMappings\": $map,"
    fi
    cat <<C
{
  "ociVersion": "1.0.2",
  "hostname": "$1",
  "root": { "path": "/srv/$1/root" },
  "process": {
    "args": ["/bin/busybox", "sh", "$here/obey.sh"],
    "env": ["PATH=$PATH"],
    "cwd": "/",
    "user": { "uid": 0, "gid": 0 },
    "noNewPrivileges": true,
    "capabilities": { "bounding": [$caps], "effective": [$caps], "permitted": [$caps] }
  },
  "mounts": [
    { "destination": "/proc", "type": "proc", "source": "proc" },
    { "destination": "/dev", "type": "bind", "source": "/srv/$1/dev", "options": ["bind", "nosuid", "noexec"] },
    { "destination": "/dev/pts", "type": "devpts", "source": "devpts",
      "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"] },
    { "destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777"] },
    { "destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"] },
    { "destination": "/sys", "type": "bind", "source": "/srv/$1/sys", "options": ["bind", "nosuid", "noexec", "nodev"] },
    { "destination": "/tmp", "type": "tmpfs", "source": "tmp", "options": ["nosuid", "nodev", "mode=1777"] },
    { "destination": "/nodes", "type": "bind", "source": "/srv/$1/nodes", "options": ["bind", "nosuid"] }
  ],
  "linux": {
    $mappings
    "cgroupsPath": "/vm-$1",
    "resources": { "devices": [{ "allow": false, "access": "rwm" }] },
    "namespaces": [
      { "type": "pid" }, { "type": "mount" }, { "type": "ipc" }, { "type": "uts" },
      { "type": "network" }, { "type": "cgroup" }$user
    ]
  }
}
C
}

# crun_start NAME RULES FIRST CAPABILITIES: runs it, to be asked with `ask`
crun_start() {
    top=/srv/$1
    mkdir -p "$top"/root "$top"/upper "$top"/dev "$top"/sys "$top"/nodes
    # the machine's own programs, to be changed by nobody
    mkdir -p /nodes
    mount -t tmpfs -o mode=755 upper "$top"/upper
    mkdir "$top"/upper/up "$top"/upper/work
    mount -t overlay -o "lowerdir=/,upperdir=$top/upper/up,workdir=$top/upper/work" overlay "$top"/root
    mkdir /sys/fs/cgroup/vm-"$1"
    fusefs-sysfs -f --policy "$2" --uid "$3" --gid "$3" "$top"/sys >/tmp/"$1".sys.log 2>&1 &
    echo $! >/tmp/"$1".servers
    fusefs-dev -f --policy "$2" --cgroup /sys/fs/cgroup/vm-"$1" --uid "$3" --gid "$3" "$top"/dev >/tmp/"$1".dev.log 2>&1 &
    echo $! >>/tmp/"$1".servers
    eventually "$1: /sys is mounted" test -d "$top"/sys/devices
    eventually "$1: /dev is mounted" test -c "$top"/dev/null
    config "$1" "$3" "$4" >"$top"/config.json
    mkfifo /tmp/"$1".in
    # never /dev/null, which crun gives another owner to
    crun run --bundle "$top" "$1" </tmp/"$1".in >/tmp/"$1".log 2>&1 &
    echo $! >/tmp/"$1".pid
    sleep 100000 >/tmp/"$1".in &
    echo $! >/tmp/"$1".holder
    eventually "$1 runs" grep -qx ready /tmp/"$1".log
}

# crun_stop NAME: it ends, then its mounts
crun_stop() {
    stop "$1"
    # shellcheck disable=SC2046
    kill $(cat /tmp/"$1".servers)
    for server in $(cat /tmp/"$1".servers); do
        wait "$server" || fail "a server of $1 ended with status $?"
    done
    [ $failed = 0 ] || sed "s/^/$1: /" /tmp/"$1".dev.log /tmp/"$1".sys.log
    check "$1: its mounts go" umount /srv/"$1"/root /srv/"$1"/upper
    refute "$1: nothing of ours is mounted" grep -q " /srv/$1/" /proc/self/mountinfo
    # crun removes the cgroup with the container
    refute "$1: its cgroup is gone" test -d /sys/fs/cgroup/vm-"$1"
    rm -r /srv/"$1" /tmp/"$1".servers
}
