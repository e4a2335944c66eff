# Runs in a container: prints the device events that arrive, with what has become of the node by
# then, and does what it is asked to on stdin.

# event ACTION DEVPATH [NODE opens|refused|missing|gone|stays] [synthetic]
report() {
    state=
    if [ -n "$node" ]; then
        case $action in
            remove) state=" $node gone"; [ -e "$node" ] && state=" $node stays" ;;
            *)
                if [ ! -e "$node" ]; then state=" $node missing"
                elif ( : <"$node" ) 2>/dev/null; then state=" $node opens"
                else state=" $node refused"
                fi ;;
        esac
    fi
    echo "event $action $devpath$state$synthetic"
}

{
    node= synthetic=
    devns monitor --property | while IFS= read -r line; do
        case $line in
            listening*) echo "ready" ;;
            ACTION=*) action=${line#*=} ;;
            DEVPATH=*) devpath=${line#*=} ;;
            DEVNAME=*) node=/dev/${line#*=} ;;
            SYNTH_UUID=*) synthetic=" synthetic" ;;
            "") report; node= synthetic= ;;
        esac
    done
} &
udevadm monitor --kernel >/tmp/udevadm."$HOSTNAME" 2>&1 &

while IFS= read -r command; do
    eval "$command" 2>&1 | while IFS= read -r line; do echo "answer $line"; done
    echo "did $command"
done
