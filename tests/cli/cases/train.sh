workbench run train-nothing --rho 0.5 --seed 3
echo "exit $?"
cat runs/*.h5
# No run file is overwritten by accident.
workbench run train-nothing --rho 0.5 --seed 3
echo "exit $?"
workbench run train-nothing --rho 0.5 --seed 3 --overwrite -q
workbench run train-nothing --rho 0.5 --seed 3 --resume -q
cat runs/*.h5
ls runs | wc -l
