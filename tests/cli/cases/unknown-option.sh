# The nearest name is suggested.
workbench run mean-activation --in x.h5 --rectfy
echo "exit $?"
workbench run mean-activation --in x.h5 --zebra
echo "exit $?"
workbench list --jsno
