"""Training on a recording at an address."""

from pathlib import Path

import numpy as np
from command import QUICK, Command
from nwb_files import units, write
from range_server import web_server


def test_what_gives_access_is_not_in_the_run_folder(train: Command, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = write(tmp_path / "a.nwb", units([np.sort(rng.uniform(0, 30, 300)) for _ in range(4)]))
    with web_server() as web:
        web.files["/a.nwb"] = path
        address = f"{web.url}/a.nwb?token=letmein"
        outcome = train(
            "model=glm", "trainer.max_epochs=1", "data=neuropixels", f"data.root='{address}'", "run_dir=run", *QUICK
        )
        assert outcome.code == 0, outcome.err
        written = [file for file in (tmp_path / "run").rglob("*") if file.is_file()]
        assert any(f"root: {web.url}/a.nwb\n" in file.read_text() for file in written if file.name == "config.yaml")
        assert [file for file in written if b"letmein" in file.read_bytes()] == []
        assert "letmein" not in outcome.out + outcome.err
