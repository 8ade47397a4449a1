# What a plugin prints does not reach stdout.
export WORKBENCH_PLUGIN_PATH=$BAD
/usr/bin/python3 "$MAKE_RUNS" runs --objectives ce --rhos 0 --seeds 1
workbench run prints --in runs --json -v | /usr/bin/python3 -c "import json, sys; print(json.load(sys.stdin)['schema'])"
