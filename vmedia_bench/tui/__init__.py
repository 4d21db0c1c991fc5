"""The workbench's screens: a client of the control API and nothing else."""
