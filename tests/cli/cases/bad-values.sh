# A value that does not fit says what would.
workbench run mean-activation --in x.h5 --statistic maximun
workbench run mean-activation --in x.h5 --statistic zebra
workbench run mean-activation --in x.h5 --scale 1001
workbench run mean-activation --in x.h5 --scale many
workbench run mean-activation --in x.h5 --skip 1,,2
workbench run mean-activation --in x.h5 --skip 1,x
workbench run mean-activation --in x.h5 --rectify=yes
workbench run mean-activation --in x.h5 --grid 4by4
workbench run mean-activation --in x.h5 --object activatoins=/x
workbench run mean-activation --in x.h5 --object activations
workbench run mean-activation --in x.h5 --timeout -1
workbench run mean-activation --in x.h5 --memory 1X
workbench run mean-activation --in x.h5 --jobs 0
workbench run mean-activation --in x.h5 --scale
workbench run mean-activation x.h5
workbench run mean-activation
workbench run
workbench run --in x.h5 mean-activation
