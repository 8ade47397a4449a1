# Files that do not fit the others are named.
/usr/bin/python3 "$MAKE_RUNS" runs --objectives ce --rhos 0 --seeds 1,2,3
/usr/bin/python3 "$MAKE_RUNS" other --objectives ce --rhos 0 --seeds 4 --stimuli 30
/usr/bin/python3 "$MAKE_RUNS" moved --objectives ce --rhos 0 --seeds 5
/usr/bin/python3 - <<END
import h5py
with h5py.File("moved/ce-rho0-seed5.h5", "r+") as f:
    f["/activations/test/index"][0] = 1000
END
workbench run condition-distance --in runs other moved > /dev/null
echo "exit $?"
