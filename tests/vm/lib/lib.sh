# What the payloads share. `. /usr/local/lib/vm/lib.sh`

failed=0
here=/usr/local/lib/vm

fail() {
    echo "FAIL: $*"
    failed=1
}

# check WHAT COMMAND...: the command must succeed
check() {
    what=$1
    shift
    if "$@" >/tmp/check.out 2>&1; then echo "ok: $what"; else fail "$what: $(cat /tmp/check.out)"; fi
}

# the machine's clock, in seconds
now() { cut -d. -f1 /proc/uptime; }

# eventually WHAT COMMAND...: the command must succeed within half a minute, which is long outside of TCG
eventually() {
    what=$1
    shift
    deadline=$(($(now) + 30))
    until "$@" >/tmp/check.out 2>&1; do
        # by the clock: a command of its own may take a second here
        if [ "$(now)" -gt $deadline ]; then
            fail "$what: $(cat /tmp/check.out)"
            return
        fi
        usleep 100000
    done
    echo "ok: $what"
}

# refute WHAT COMMAND...: the command must fail
refute() {
    what=$1
    shift
    if "$@" >/tmp/check.out 2>&1; then fail "$what: $(cat /tmp/check.out)"; else echo "ok: $what"; fi
}

# start NAME ARGUMENTS: a container that prints what arrives to /tmp/NAME.log
start() {
    name=$1
    shift
    mkfifo /tmp/"$name".in
    devns run --name "$name" -e PATH="$PATH" "$@" -- sh $here/inside.sh \
        </tmp/"$name".in >/tmp/"$name".log 2>&1 &
    echo $! >/tmp/"$name".pid
    # somebody has to hold the writing end, or the container's input ends
    sleep 100000 >/tmp/"$name".in &
    echo $! >/tmp/"$name".holder
    eventually "$name listens" grep -qx ready /tmp/"$name".log
}

# stop NAME: end its input, and so the container; its exit status must be 0
stop() {
    kill "$(cat /tmp/"$1".holder)"
    wait "$(cat /tmp/"$1".pid)" || fail "$1 ended with status $?: $(tail -5 /tmp/"$1".log)"
    [ $failed = 0 ] || sed "s/^/$1: /" /tmp/"$1".log
    rm -f /tmp/"$1".in /tmp/"$1".pid /tmp/"$1".holder
}

# ask NAME COMMAND: what the command prints inside
ask() {
    before=$(grep -cxF "did $2" /tmp/"$1".log)
    lines=$(wc -l </tmp/"$1".log)
    echo "$2" >/tmp/"$1".in
    tries=200
    until [ "$(grep -cxF "did $2" /tmp/"$1".log)" -gt "$before" ]; do
        tries=$((tries - 1))
        [ $tries = 0 ] && fail "$1 does not answer" && return
        usleep 100000
    done
    tail -n +$((lines + 1)) /tmp/"$1".log | sed -n 's/^answer //p'
}

# is WANTED GOT
is() {
    [ "$1" = "$2" ] || { echo "wanted $1, got $2"; return 1; }
}

# heard NAME PATTERN: the container's event lines match
heard() {
    grep -E "^event $2" /tmp/"$1".log
}

# eventually_heard NAME PATTERN
eventually_heard() {
    eventually "$1 hears $2" heard "$1" "$2"
}

# pids_of NAME: of the processes that are called so
pids_of() {
    for comm in /proc/[0-9]*/comm; do
        [ "$(cat "$comm" 2>/dev/null)" = "$1" ] && basename "${comm%/comm}"
    done
}

# ours: processes of ours that run
ours() { cat /proc/[0-9]*/comm 2>/dev/null | grep -E '^(devns|fusefs-)'; }

# nothing_left: no process, mount, cgroup or state of a container
nothing_left() {
    ! ours && ! grep fuse.fusefs /proc/self/mountinfo \
        && [ -z "$(find /sys/fs/cgroup -path '*devns/*' -type d)" ] \
        && [ -z "$(find /run/devns -mindepth 1 ! -name .lock)" ]
}

# event_of TEXT: the eventN whose device says TEXT in its name
event_of() {
    for dir in /sys/class/input/event*; do
        grep -q "$1" "$dir/device/name" 2>/dev/null && basename "$dir" && return
    done
    return 1
}

finish() {
    eventually "nothing is left" nothing_left
    exit $failed
}
