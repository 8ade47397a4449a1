mkdir x.h5
workbench run train-nothing --out x.h5
