# What breaks its own declaration is no result.
export WORKBENCH_PLUGIN_PATH=$BAD
/usr/bin/python3 "$MAKE_RUNS" runs --objectives ce --rhos 0 --seeds 1
for id in emits-nan emits-out-of-bounds emits-undeclared emits-another-shape emits-nothing fails-silently wrong-role huge-alloc; do
  workbench run $id --in runs
  echo "exit $?"
done
ls
