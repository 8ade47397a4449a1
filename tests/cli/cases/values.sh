# What the host hands to a plugin, and what comes out, against NumPy.
/usr/bin/python3 "$MAKE_RUNS" runs --objectives ce --rhos 0,0.2 --seeds 1,2,3
workbench run mean-activation --in runs/*.h5 --rectify --scale 2 -q > /dev/null
workbench run seed-spread --in runs/*.h5 -q > /dev/null
workbench run condition-distance --in runs/*.h5 -q > /dev/null
/usr/bin/python3 - <<END
import glob, json
import h5py, numpy as np

def load(path):
    with h5py.File(path) as f:
        return f["/activations/test/embedding"][:].astype("f8")

def summary(name):
    with open(f"results/{name}/summary.json") as f:
        return json.load(f)

def close(found, expected):  # summary.json has nine digits
    assert abs(found - expected) <= 1e-8 * abs(expected), (found, expected)

runs = summary("mean-activation")["runs"]
assert len(runs) == 6
for run in runs:
    expected = 2 * np.maximum(load(run["file"]), 0).mean()
    close(run["values"]["mean"], expected)
conditions = summary("seed-spread")["conditions"]
assert len(conditions) == 2
for condition, rho in zip(conditions, ("0", "0.2")):
    files = sorted(glob.glob(f"runs/*-rho{rho}-*.h5"))
    expected = np.std([load(f).mean() for f in files], ddof=1)
    found = condition["values"]["sd"]
    found = found["mean"] if isinstance(found, dict) else found
    close(found, expected)
stacked = [load(f) for f in sorted(glob.glob("runs/*.h5"))]
expected = max(np.sqrt(np.mean((a - b) ** 2)) for a in stacked for b in stacked)
close(summary("condition-distance")["values"]["largest"], expected)
print("equal to NumPy")
END
