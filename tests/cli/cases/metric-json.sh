/usr/bin/python3 "$MAKE_RUNS" runs --objectives ce --rhos 0,0.2 --seeds 1,2
workbench run mean-activation --in runs/*.h5 --json > out.json
echo "exit $?"
/usr/bin/python3 - <<END
import json
with open("out.json") as f, open("results/mean-activation/summary.json") as g:
    a, b = json.load(f), json.load(g)
assert a == b
print(a["schema"], len(a["runs"]), len(a["conditions"]))
END
