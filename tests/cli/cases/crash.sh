# A crash costs one run.
export WORKBENCH_PLUGIN_PATH=$BAD:$GOOD
/usr/bin/python3 "$MAKE_RUNS" runs --objectives ce --rhos 0,0.2 --seeds 1,2,3
workbench run segfault --in runs/*.h5 --jobs 2
echo "exit $?"
/usr/bin/python3 -c "import json; s = json.load(open('results/segfault/summary.json')); print(len(s['runs']), len(s['failed']))"
workbench run aborts --in runs/ce-rho0-seed1.h5
echo "exit $?"
workbench run exits --in runs/ce-rho0-seed1.h5
echo "exit $?"
ls results
