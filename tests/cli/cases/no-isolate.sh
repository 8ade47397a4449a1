/usr/bin/python3 "$MAKE_RUNS" runs --objectives ce --rhos 0 --seeds 1,2
workbench run mean-activation --in runs --no-isolate
echo "exit $?"
