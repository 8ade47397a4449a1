# Help at every level goes to stdout.
workbench --help
workbench run --help
workbench list --help
workbench info --help
workbench run mean-activation --help
workbench run train-nothing --help
workbench export --help
workbench report --help
