# Every fault of a plugin gets one sentence, and stops nobody else.
mkdir faults
echo 'this is no shared object' > faults/text.so
cp "$GOOD"/train-nothing.so faults/train-nothing-again.so
cp "$GOOD"/mean-activation.so faults/world-writable.so
chmod o+w faults/world-writable.so
WORKBENCH_PLUGIN_PATH=$GOOD:$PWD/faults:$BAD workbench list
echo "exit $?"
