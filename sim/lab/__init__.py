"""The laboratory: a `Network` built in Python (`network.py`) or from a topology (`build.py`), the steps of its scenario
(`actions/`), what is expected of them (`expectations.py`), and the run as a whole (`runner.py`).

May import everything above it in the flow, and services.
"""
