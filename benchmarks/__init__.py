"""Speed and size of anthrometrics, as ratios taken within one run: ``python -m benchmarks NAME``."""
