"""The steps of a scenario while they run, a file for each sort of step. `choose.py` picks one's."""
