# A network runs again through the service engine/1 as it did in training.
$REAL run train-ce --epochs 1 --data builtin,train=1200,test=70 --out x.h5 -q
$REAL run network-check --in x.h5 -q > /dev/null
echo "exit $?"
/usr/bin/python3 - <<END
import json
values = json.load(open("results/network-check/summary.json"))["runs"][0]["values"]
assert values["difference"] < 1e-5, values
END
# Other images than those that it was trained on are the user's wish, or a mistake.
$REAL run network-check --in x.h5 --data builtin,train=1200,test=70,seed=1
echo "exit $?"
$REAL run network-check --in x.h5 --data builtin,train=1200,test=70,seed=1 --allow-other-data -q > /dev/null
echo "exit $?"
/usr/bin/python3 - <<END
import json, h5py
values = json.load(open("results/network-check/summary.json"))["runs"][0]["values"]
assert values["difference"] > 1e-2, values
with h5py.File("x.h5", "r+") as f:
    where = f if "data_digest" in f.attrs else f["/activations/test"]
    where.attrs["data_digest"] = "0" * 64
END
$REAL run network-check --in x.h5
echo "exit $?"
/usr/bin/python3 "$MAKE_RUNS" runs --objectives ce --rhos 0 --seeds 1
$REAL run network-check --in runs
