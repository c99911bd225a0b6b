"""A session's shared memory: the keypoint ring, and the newest picture where somebody looks at it."""

from __future__ import annotations

import logging
import uuid

from realtime.closing import Closing
from realtime.process.doorbell import Doorbell
from realtime.ring.picture_slot import PictureSlot, slot_name
from realtime.ring.ring import MAX_PEOPLE, Ring
from realtime.ring.segment import sweep

log = logging.getLogger("realtime.supervisor")


class Memory(Closing):
    """Closing it takes it away from the machine, too."""

    def __init__(self, doorbell: Doorbell, pictures: bool) -> None:
        """Raises UserError where there is no room."""
        for path in sweep():
            log.debug("removed %s, left behind by a session that was killed", path)
        self.ring = Ring.create(f"ring-{uuid.uuid4().hex[:12]}", max_people=MAX_PEOPLE, doorbell=doorbell)
        try:
            self._picture = PictureSlot.create(slot_name(self.ring.name)) if pictures else None
        except BaseException:
            self._drop_ring()
            raise

    def close(self) -> None:
        self._drop_ring()
        if self._picture is not None:
            self._picture.close()
            self._picture.unlink()

    def _drop_ring(self) -> None:
        self.ring.close()
        self.ring.unlink()
