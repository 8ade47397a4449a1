# A plugin that cannot be loaded is another matter than one that does not exist: exit code 3.
export WORKBENCH_PLUGIN_PATH=$BAD
for id in wrong-major needs-newer wrong-size no-symbol crash-on-load duplicate-param bad-default no-run; do
  workbench run $id --in x.h5
  echo "exit $?"
done
