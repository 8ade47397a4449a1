# A file that is no run file: what it holds, and what to try.
/usr/bin/python3 - <<END
import h5py, numpy as np
with h5py.File("feats.h5", "w") as f:
    f["layer4"] = np.random.default_rng(0).random((20, 6), dtype="f4")
    f["fc"] = np.random.default_rng(1).random((20, 16), dtype="f4")
    f["y"] = np.arange(20)
    f["names"] = np.array([b"a", b"b"])
END
workbench run mean-activation --in feats.h5
echo "exit $?"
echo > feats.npz
workbench run mean-activation --in feats.npz
workbench run mean-activation --in feats.h5 --object activations=/y
echo "exit $?"
workbench run mean-activation --in feats.h5 --object activations=/names
echo "exit $?"
workbench run mean-activation --in feats.h5 --object activations=/fc --grid 3x5
echo "exit $?"
workbench run mean-activation --in feats.h5 --object activations=/fc --grid 4x4 --labels /y
echo "exit $?"
