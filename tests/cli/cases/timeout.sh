export WORKBENCH_PLUGIN_PATH=$BAD
/usr/bin/python3 "$MAKE_RUNS" runs --objectives ce --rhos 0 --seeds 1
workbench run loops-forever --in runs --timeout 1
echo "exit $?"
ls
