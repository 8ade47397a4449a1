/usr/bin/python3 "$MAKE_RUNS" runs
workbench run mean-activation --in runs/*.h5
echo "exit $?"
ls results/mean-activation
# The same again comes from the cache, other parameters do not.
workbench run mean-activation --in runs/*.h5 > /dev/null
workbench run mean-activation --in runs --rectify > /dev/null
workbench run mean-activation --in runs --rectify --recompute > /dev/null
# What does not matter to the result does not matter to the cache.
workbench run mean-activation --in runs --name other -q > /dev/null
workbench run mean-activation --in runs --name other > /dev/null
