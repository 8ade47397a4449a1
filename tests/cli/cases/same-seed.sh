# Runs that agree in everything, or differ in more than the seed, are doubtful.
/usr/bin/python3 "$MAKE_RUNS" a --objectives ce --rhos 0 --seeds 1
/usr/bin/python3 "$MAKE_RUNS" b --objectives ce --rhos 0 --seeds 1 --stimuli 20
/usr/bin/python3 "$MAKE_RUNS" c --objectives ce --rhos 0 --seeds 2,3 --epochs 5
workbench run mean-activation --in a b > /dev/null
workbench run mean-activation --in a b --factor rho=3 --factor seed=4 > /dev/null
workbench run mean-activation --in a c > /dev/null
workbench run mean-activation --in c > /dev/null
