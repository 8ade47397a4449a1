# A skeleton can be given back as parameters.
workbench skeleton mean-activation > p.yaml
cat p.yaml
workbench skeleton train-nothing > t.yaml
workbench run train-nothing --params t.yaml --out x.h5
cat x.h5
