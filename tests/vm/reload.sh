#: --systemd
# The device gate of a service of systemd's, taken over: what systemd puts up again, at a reload and when a
# property changes, is replaced again, and what it put up last is what is given back.
. /usr/local/lib/vm/lib.sh
modprobe -a fuse loop
udevadm settle

cat >/tmp/rules.yaml <<'R'
version: 1
policies:
  p:
    rules:
      - match: { subsystem: block, devname: loop3 }
        show: rw
R

mkfifo /tmp/box.in
exec 7<>/tmp/box.in
check "a service starts" systemd-run --quiet --unit=box --property=DevicePolicy=closed \
    --property="DeviceAllow=/dev/loop4 rw" --property=StandardInput=file:/tmp/box.in \
    --property=StandardOutput=file:/tmp/box.log sh $here/obey.sh
eventually "it runs" grep -qx ready /tmp/box.log
cgroup=/sys/fs/cgroup/system.slice/box.service

# opens WANTED: the loop devices of these numbers, and no others, open inside
open_now() { ask box 'for n in 3 4 5; do ( exec 9</dev/loop$n ) 2>/dev/null && echo $n; done' | xargs; }
opens() { is "$1" "$(open_now)"; }

check "what its unit says opens" opens 4
mkdir /tmp/dev
fusefs-dev -f --policy /tmp/rules.yaml --cgroup $cgroup /tmp/dev >/tmp/dev.log 2>&1 &
server=$!
eventually "what the policy says opens" opens 3
keeper=$(pids_of fusefs-dev-gate)
check "somebody keeps the gate" test -n "$keeper"

# against vacuity: systemd does put its own back, beside ours
check "whoever keeps the gate is stopped" kill -STOP "$keeper"
check "systemd reloads" systemctl daemon-reload
eventually "nothing opens that both do not allow" opens ""
check "whoever keeps the gate goes on" kill -CONT "$keeper"
eventually "after a reload, what the policy says" opens 3

for round in 1 2 3; do
    check "systemd reloads again" systemctl daemon-reload
    sleep 1
    check "and again it is what the policy says: $round" opens 3
done
check "a property changes" systemctl set-property --runtime box.service "DeviceAllow=/dev/loop5 rw"
sleep 1
check "that changes nothing" opens 3

check "the server ends" kill $server
wait $server || fail "the server ended with status $?: $(cat /tmp/dev.log)"
eventually "what the unit says now opens" opens "4 5"
check "systemd reloads without us" systemctl daemon-reload
check "it is still what the unit says now" opens "4 5"
check "the service ends" systemctl stop box
eventually "its cgroup goes" test ! -d $cgroup
finish
