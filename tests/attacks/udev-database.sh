# A /run with a udev database that says what $DATABASE holds: pairs of lines, the name of a file and its
# content with \n for an end of line. No udevd runs. Stays there until it is ended.
mount --make-rprivate /
mount -t tmpfs -o mode=755 none /run
mkdir -p /run/udev/data
printf '%s\n' "$DATABASE" | while read -r name && IFS= read -r content; do
    printf '%b' "$content" > "/run/udev/data/$name"
done
: > /run/udev/control
exec sleep infinity
