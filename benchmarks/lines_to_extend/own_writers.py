# logger
from own import log

from bunri.events import Scalars


class Log:
    def __init__(self, run):
        pass

    def write(self, event):
        if isinstance(event, Scalars):
            log(event.step, dict(event.values))

    def close(self):
        pass
