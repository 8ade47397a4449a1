workbench describe mean-activation
workbench describe seed-spread
workbench describe train-nothing
