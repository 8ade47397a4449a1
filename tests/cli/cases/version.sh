workbench --version
