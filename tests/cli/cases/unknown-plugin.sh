workbench run mean-activatoin --in x.h5
echo "exit $?"
workbench describe zebra
