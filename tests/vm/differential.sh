#: --smp 1 --pkg python3 --pkg coreutils --pkg dash --pkg iproute2 --pkg mount --pkg util-linux
#test: differential
# What tests/tests/differential.rs checks, where the kernel reads no file of a view by itself, and modules
# have attributes that are pointers. One in 60 of the files, as each request takes ten times as long in an
# emulated machine; on one processor, since to wake another takes longer than what is asked of it.
. /usr/local/lib/vm/lib.sh
exec </dev/null
modprobe -a fuse loop veth
export DEVNS_BIN_DIR=/usr/local/bin DIFFERENTIAL_SHARE=60
# busybox's shell takes its own applets for unshare, nsenter and mount
ln -sf dash /bin/sh
# Debian compiles these when it installs them, and here nobody has
python3 -c 'import ctypes, json, mmap, select, socket, subprocess, threading'

for test in $($here/tests/differential --list --format terse | sed -n 's/: test$//p'); do
    if $here/tests/differential --exact "$test" --nocapture >/tmp/"$test".log 2>&1; then
        echo "ok: $test"
    else
        fail "$test: $(cat /tmp/"$test".log)"
    fi
done
check "attributes with pointers were compared" grep -q "with %pK: {\"/module" /tmp/pointers_are_hidden_as_natively.log
finish
