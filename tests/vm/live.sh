#: --pkg python3-minimal --pkg coreutils --pkg dash --pkg iproute2 --pkg mount
#test: live
# What tests/tests/live.rs checks, where the kernel neither reads files by itself nor can be told to
# look at every name again; and what libudev finds, which asks statfs(2) for every device.
. /usr/local/lib/vm/lib.sh
exec </dev/null
modprobe -a fuse loop veth
export DEVNS_BIN_DIR=/usr/local/bin
# busybox's shell takes its own `ip`, which cannot name a veth's peer
ln -sf dash /bin/sh

# that one is of passthrough
for test in $($here/tests/live --list --format terse | sed -n 's/: test$//p' | grep -v without_the_server); do
    if $here/tests/live --exact "$test" >/tmp/test.log 2>&1; then
        echo "ok: $test"
    else
        fail "$test: $(cat /tmp/test.log)"
    fi
done
check "none was left out by mistake" test "$($here/tests/live --list --format terse | grep -c without_the_server)" = 1

cat >/tmp/rules.yaml <<'R'
version: 1
policies:
  p:
    rules:
      - match: { subsystem: block, devname: loop3 }
        show: rw
R
for as in "" --userns; do
    start udev$as --policy /tmp/rules.yaml $as
    check "statfs$as: a sysfs" is 62656572 "$(ask udev$as 'stat -f -c %t /sys')"
    check "statfs$as: of a directory of a device" is 62656572 "$(ask udev$as 'stat -f -c %t /sys/devices/virtual/block/loop3')"
    check "udevadm info --export-db$as: the disk that shows" is "P: /devices/virtual/block/loop3" \
        "$(ask udev$as 'udevadm info --export-db | grep "^P: .*/block/"')"
    check "udevadm info$as: it has its name" is "N: loop3" "$(ask udev$as 'udevadm info /sys/block/loop3 | grep ^N:')"
    check "udevadm trigger$as: finds it" is /sys/devices/virtual/block/loop3 \
        "$(ask udev$as 'udevadm trigger --dry-run --verbose --subsystem-match=block')"
    stop udev$as
done
finish
