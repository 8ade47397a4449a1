# Memory is limited: the machine stays usable.
export WORKBENCH_PLUGIN_PATH=$BAD
/usr/bin/python3 "$MAKE_RUNS" runs --objectives ce --rhos 0 --seeds 1
workbench run runaway --in runs --memory 1G
echo "exit $?"
ls
