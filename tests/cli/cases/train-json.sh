workbench run train-nothing --out sub/folder/x.h5 --json -q
