workbench describe seed-spread --json | sed 's/"build": ".*"/"build": "BUILD"/'
