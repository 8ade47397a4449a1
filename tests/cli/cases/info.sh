/usr/bin/python3 "$MAKE_RUNS" runs --objectives ce --rhos 0 --seeds 1
workbench info runs/ce-rho0-seed1.h5 | sed 's/, [0-9]* kB/, SIZE/'
echo 'no HDF5' > text.h5
workbench info text.h5
echo "exit $?"
workbench info missing.h5
echo "exit $?"
workbench info
