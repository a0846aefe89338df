"""``python -m anthrometrics``."""

from anthrometrics.cli import main

main()
