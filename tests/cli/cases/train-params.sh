# Options override the parameter file; a section named after a plugin is for that plugin alone.
cat > p.yaml <<END
epochs: 1
rho: 1
train-nothing:
  rho: 2
another:
  nonsense: 1
END
workbench run train-nothing --params p.yaml --out x.h5 -q
grep -e rho -e epochs x.h5
workbench run train-nothing --params p.yaml --rho 3 --out x.h5 -q --overwrite
grep -e rho -e epochs x.h5
echo 'epohcs: 1' > wrong.yaml
workbench run train-nothing --params wrong.yaml
printf 'epochs: [1\n' > broken.yaml
workbench run train-nothing --params broken.yaml
echo 'just text' > text.yaml
workbench run train-nothing --params text.yaml
workbench run train-nothing --params missing.yaml
workbench run train-nothing --preset zebra
