# What a run is follows from its parameters, and from the content of files, not from their names or from what does not
# matter.
echo one > a
cp a b
echo two > c
for options in "--seed 1" "--seed 1 --pause 0.001" "--seed 2" "--init a" "--init b" "--init c"; do
  workbench run train-nothing $options --out x.h5 --overwrite -q > /dev/null
  head -1 x.h5 | cut -c 10-25 >> identities
done
awk '{ if (!($1 in seen)) seen[$1] = ++n; print seen[$1] }' identities
workbench run train-nothing --init missing
