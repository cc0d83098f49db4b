"""Train and test a forecaster: ``python train.py model=synapsnet data=neuropixels``; see README.md."""

import sys

from synapsnet.training.signals import leave_at_once

if __name__ == "__main__":
    leave_at_once()  # a scheduler may ask for it while the libraries are loaded
    from synapsnet.experiment.command import main

    sys.exit(main(sys.argv[1:]))
