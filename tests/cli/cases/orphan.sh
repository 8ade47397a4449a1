# A worker does not outlive its parent, and Ctrl-C stops a metric at once.
export WORKBENCH_PLUGIN_PATH=$BAD
/usr/bin/python3 "$MAKE_RUNS" runs --objectives ce --rhos 0 --seeds 1
workbench run loops-forever --in runs &
pid=$!
while ! pgrep -P $pid -f _worker > worker; do sleep 0.05; done
sleep 1
pgrep -P $pid -f _worker > worker
kill -KILL $pid
sleep 0.5
# (Where nobody collects orphans it stays behind as a zombie.)
ps -o stat= -p $(cat worker) | grep -v Z && echo "it lives on"
workbench run loops-forever --in runs &
pid=$!
sleep 1.5
kill -INT $pid
wait $pid
echo "exit $?"
