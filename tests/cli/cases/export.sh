/usr/bin/python3 "$MAKE_RUNS" runs --objectives ce --rhos 0 --seeds 1 --stimuli 3
workbench export runs/ce-rho0-seed1.h5
echo "exit $?"
/usr/bin/python3 - <<'PYTHON'
import h5py
with h5py.File("runs/ce-rho0-seed1.h5", "r+") as f:
    f["model/fc.weight"] = [[1.0, 2.0]]
    f["model"].attrs["arch"] = "shallowcnn"
    f["readout/bias"] = [3.0]
PYTHON
workbench export runs/ce-rho0-seed1.h5
workbench export runs/ce-rho0-seed1.h5
echo "exit $?"
workbench export runs/ce-rho0-seed1.h5 --overwrite --quiet
workbench export runs/ce-rho0-seed1.h5 --format npz --out model.npz --json
/usr/bin/python3 -c 'import numpy; print(sorted(numpy.load("model.npz").items())[:1])'
workbench export runs/ce-rho0-seed1.h5 --format pth
echo "exit $?"
workbench export
echo "exit $?"
workbench export absent.h5
