# The cache follows content: a changed file is measured again, a renamed one is not.
/usr/bin/python3 "$MAKE_RUNS" runs --objectives ce --rhos 0 --seeds 1,2,3
workbench run mean-activation --in runs/*.h5 > /dev/null
mv runs/ce-rho0-seed1.h5 runs/renamed.h5
workbench run mean-activation --in runs/*.h5 > /dev/null
/usr/bin/python3 - <<END
import h5py
with h5py.File("runs/renamed.h5", "r+") as f:
    f["/activations/test/embedding"][0, 0] += 1
END
workbench run mean-activation --in runs/*.h5 > /dev/null
