"""What the previous version wrote still opens, and means what it meant: calibrations, keys, recordings, models, plans.

`make_files.sh` had the previous version write files/. The current one is given them through its command line here, so
that it does not matter where its modules lie. Poses may differ by 1 mm: processors round differently.
"""

from __future__ import annotations

import pytest
from previous_version import Place, laid_out


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return laid_out(tmp_path_factory.mktemp("previous"))
