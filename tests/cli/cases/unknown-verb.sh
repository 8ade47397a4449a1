workbench lits
