# A second Ctrl-C does not wait.
: > err
workbench run train-nothing --epochs 2 --pause 60 2> err &
pid=$!
while ! grep -q 'data' err; do sleep 0.05; done
kill -INT $pid
sleep 0.3
kill -INT $pid
wait $pid
echo "exit $?"
cat err
ls
