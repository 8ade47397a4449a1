/usr/bin/python3 "$MAKE_RUNS" runs --objectives ce --rhos 0 --seeds 1
/usr/bin/python3 - <<END
import h5py
with h5py.File("runs/ce-rho0-seed1.h5", "r+") as f:
    del f["/activations/test/labels"]
    f["/activations/test/labels"] = [0, 1, 2]
END
workbench run mean-activation --in runs
