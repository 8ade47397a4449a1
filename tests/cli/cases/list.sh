workbench list
workbench list --kind train
workbench list --kind zebra
