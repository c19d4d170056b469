"""One file per way to prove who you are; the protocol stands beside the folder in `factor.py`."""
