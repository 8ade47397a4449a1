# One bad file does not stop the others.
/usr/bin/python3 "$MAKE_RUNS" runs --objectives ce --rhos 0 --seeds 1,2
/usr/bin/python3 "$MAKE_RUNS" unfinished --objectives ce --rhos 0 --seeds 3 --state training
echo 'no HDF5' > runs/text.h5
head -c 3000 runs/ce-rho0-seed1.h5 > runs/cut.h5
/usr/bin/python3 - <<END
import h5py
with h5py.File("runs/ce-rho0-seed2.h5") as f, h5py.File("runs/nan.h5", "w") as g, h5py.File("runs/newer.h5", "w") as h:
    f.copy("activations", g)
    for name, value in f.attrs.items():
        g.attrs[name] = value
    g["/activations/test/embedding"][3, 5] = float("nan")
    h.attrs["schema"] = "workbench.run/9"
END
workbench run mean-activation --in runs/*.h5 unfinished/*.h5 missing.h5 runs/ce-rho0-seed1.h5
echo "exit $?"
workbench run mean-activation --in runs/text.h5
echo "exit $?"
workbench run mean-activation --in unfinished
echo "exit $?"
workbench run mean-activation --in 'nothing/*.h5'
echo "exit $?"
mkdir empty
workbench run mean-activation --in empty
