# The plugin's own look at its parameters comes before any file is opened.
workbench run mean-activation --in missing.h5 --statistic maximum --scale 0
