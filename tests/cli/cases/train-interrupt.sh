# Ctrl-C asks the plugin to save and stop.
: > err
workbench run train-nothing --epochs 100 --pause 0.2 2> err &
pid=$!
while ! grep -q 'epoch  1/' err; do sleep 0.05; done
kill -INT $pid
wait $pid
echo "exit $?"
grep -v '^epoch' err | sed 's/after epoch [0-9]*/after epoch N/'
grep -c 'epoch  ' err | awk '{ print ($1 < 20) ? "stopped early" : "went on" }'
