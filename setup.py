"""Makes the wheel one for x86-64 Linux where it brings compiled kernels (`corpusforge.kernels --ship`).

Everything else is in pyproject.toml. Machines that cannot run these kernels, other Pythons too, install the
same wheel and compile their own.
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel


class Wheel(bdist_wheel):
    """A wheel for any Python 3, of one platform where kernels are in it."""

    def finalize_options(self) -> None:
        """Name the platform: the kernels call nothing but the C library's oldest functions."""
        super().finalize_options()
        if any(Path("corpusforge/_kernels").glob("*.nbc")):
            self.root_is_pure = False
            self.plat_name, self.plat_name_supplied = "manylinux_2_17_x86_64", True

    def get_tag(self) -> tuple[str, str, str]:
        """Return the tag of any Python 3 and this platform."""
        return "py3", "none", super().get_tag()[2]


setup(cmdclass={"bdist_wheel": Wheel})
