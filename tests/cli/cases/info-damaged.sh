# A real run file is as it was written, until somebody changes it.
$REAL run train-ce --epochs 1 --data builtin,train=600,test=20 --out x.h5 --validation-per-class 0 -q
$REAL info x.h5 | grep digests
/usr/bin/python3 - <<END
import h5py
with h5py.File("x.h5", "r+") as f:
    f["/model/fc.bias"][3] += 1
    f.attrs["objective"] = "supcon"
    del f["/history/lambda"]
END
$REAL info x.h5 > out
echo "exit $?"
grep -e changed -e digests out
$REAL info x.h5 --json | /usr/bin/python3 -c "import json, sys; print(json.load(sys.stdin)['missing'])"
