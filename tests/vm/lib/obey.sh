# Runs in a container of another runtime: does what it is asked to on stdin, as inside.sh.
echo ready
while IFS= read -r command; do
    eval "$command" 2>&1 | while IFS= read -r line; do echo "answer $line"; done
    echo "did $command"
done
