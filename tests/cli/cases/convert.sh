/usr/bin/python3 "$MAKE_RUNS" runs --objectives ce --rhos 0 --seeds 1,2 --stimuli 3
workbench run copy-labels --in runs/ce-rho0-seed1.h5 --out labels.txt -q
cat labels.txt
# Several files: one result each, named by content.
workbench run copy-labels --in runs/*.h5 -q
workbench run copy-labels --in runs/*.h5 --out one.txt
echo "exit $?"
# A file that is not HDF5 is the plugin's own business.
echo hello > text
workbench run count-bytes --in text --out count.txt -q
cat count.txt
workbench run count-bytes --in missing text --out count.txt -q
echo "exit $?"
workbench run copy-labels --in text
echo "exit $?"
workbench run copy-labels
