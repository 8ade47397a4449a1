# Results replace their folder as a whole, so it must be theirs.
/usr/bin/python3 "$MAKE_RUNS" runs --objectives ce --rhos 0 --seeds 1,2
mkdir mine
echo precious > mine/thesis.txt
workbench run mean-activation --in runs --out mine
echo "exit $?"
ls mine
workbench run mean-activation --in runs --out fresh -q > /dev/null
workbench run mean-activation --in runs --out fresh -q > /dev/null
echo "exit $?"
