# Root file systems of their own, mapped to the container's ids where the file system can.
. /usr/local/lib/vm/lib.sh
# the payload's stdin is a terminal, and what comes through one is not byte for byte
exec </dev/null
modprobe -a fuse loop
make_root() {
    mkdir -p "$1"/bin "$1"/etc "$1"/proc "$1"/sys "$1"/dev "$1"/run "$1"/tmp
    cp /bin/busybox "$1"/bin/
    for a in sh ls cat id stat mount grep; do ln -s busybox "$1"/bin/$a; done
    echo secret >"$1"/etc/shadow
    chmod 600 "$1"/etc/shadow
}
make_root /srv/ext4
mkdir -p /srv/tmpfs && mount -t tmpfs t /srv/tmpfs && make_root /srv/tmpfs/root

for root in /srv/ext4 /srv/tmpfs/root; do
    check "$root: plain" is secret "$(devns run --rootfs $root -- cat /etc/shadow 2>/tmp/err)"
    got=$(devns run --userns --rootfs $root -- sh -c 'cat /etc/shadow 2>/dev/null; stat -c %u /etc/shadow; id -u' 2>/tmp/err)
    if grep -q "stay their owners" /tmp/err; then
        # tmpfs can be mapped from Linux 6.3 on: said, and the container runs
        check "$root: its owners are nobody to it" is "65534 0" "$(echo $got)"
        check "$root: only tmpfs cannot be mapped" is /srv/tmpfs/root $root
    else
        check "$root: mapped" is "secret 0 0" "$(echo $got)"
    fi
    check "$root: /sys and /dev are ours" is 2 "$(devns run --userns --rootfs $root -- grep -c ' - fuse.fusefs-' /proc/self/mountinfo 2>/tmp/err)"
    refute "$root: no sysfs, no devtmpfs" is yes "$(devns run --userns --rootfs $root -- sh -c 'grep -qE " - (sysfs|devtmpfs) " /proc/self/mountinfo && echo yes' 2>/tmp/err)"
done
umount /srv/tmpfs
finish
