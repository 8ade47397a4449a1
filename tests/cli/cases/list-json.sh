workbench list --json --kind train
