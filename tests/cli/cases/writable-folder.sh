# Plugins in a folder that others may write to are refused, unless one trusts it.
mkdir open
cp "$GOOD"/train-nothing.so open
chmod 777 open
WORKBENCH_PLUGIN_PATH=$PWD/open workbench list
WORKBENCH_PLUGIN_PATH=$PWD/open workbench list --trust-dir
