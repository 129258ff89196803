"""Worker programs that misbehave, for tests of caronted (tests/master/odd_worker.cc has the vocabulary)."""

import pathlib
import shutil
import tempfile
import unittest

from gateway import build_folder
from master_case import USERS


class OddPrograms:
    """Context manager: a folder of worker programs, for caronted's option -l, in which those of `odd` misbehave."""

    def __init__(self, odd, behaviour=""):
        build = build_folder()
        if not (build / "tests" / "master" / "odd_worker").exists():
            raise unittest.SkipTest("tests/master/odd_worker is not built")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="caronte-odd."))
        (self.folder / "real").mkdir()
        for program in USERS:
            real = build / program / program
            if program in odd:
                shutil.copy(build / "tests" / "master" / "odd_worker", self.folder / program)
                (self.folder / "real" / program).symlink_to(real)
            else:
                (self.folder / program).symlink_to(real)
        self.behave(behaviour)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def behave(self, behaviour):
        """From the next start on."""
        new = self.folder / "behaviour.new"
        new.write_text(behaviour + "\n")
        new.rename(self.folder / "behaviour")
