"""`python -m corpusforge.models`: the doctor, which stands above models and instruct and so lies there."""

from __future__ import annotations

import runpy

if __name__ == "__main__":
    runpy.run_module("corpusforge.instruct.doctor_command", run_name="__main__", alter_sys=True)
