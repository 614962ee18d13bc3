"""Which raggeddsl the suite tests: the path of imports in, where the package lies and what is missing out."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

LIBRARY = Path("native", "libraggeddsl_native.so")
"""Where `raggeddsl.native.library` looks for it, below the package."""


@dataclass(frozen=True)
class Tested:
    """The package that `import raggeddsl` finds: its folder, and its native library if it has one."""

    folder: Path
    library: Path | None
    source: bool
    """Whether the folder is that of the checkout, not an installed copy; a link to it is no copy."""

    @property
    def header(self) -> str:
        """What pytest prints above the tests."""
        kind = "source tree" if self.source else "installed"
        linked = f" -> {self.folder.resolve()}" if self.folder.resolve() != self.folder else ""
        native = "with the native library" if self.library is not None else "without a native library"
        if self.library is not None and not self.library.is_relative_to(self.folder):
            native += f" of {self.library}"
        return f"raggeddsl: {self.folder}{linked} ({kind}), {native}; jax {metadata.version('jax')}"

    @property
    def fault(self) -> str | None:
        """Why this is not worth testing: sources without their library, which choose another kernel."""
        if not self.source or self.library is not None or os.environ.get("RAGGEDDSL_PURE"):
            return None
        return (
            f"the tests would import raggeddsl from {self.folder}, sources without their native library: "
            "no test of it would run, and the others with another kernel. Install it, and test what is "
            "installed: `pip install '.[test]' && pytest`. To test the sources without a library: "
            f"`RAGGEDDSL_PURE=1 {Path(sys.executable).name} -m pytest`."
        )


def behind_installed(checkout: Path) -> None:
    """Move `checkout` to the end of `sys.path`, where tests are found and an installed raggeddsl goes before.

    `python -m pytest` puts the folder that it is started in first.  It stays there where the sources are
    meant: with no library (`RAGGEDDSL_PURE`), or with one that was built by hand (`RAGGEDDSL_LIBRARY`).
    """
    if os.environ.get("RAGGEDDSL_PURE") or os.environ.get("RAGGEDDSL_LIBRARY"):
        return
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != checkout.resolve()]
    sys.path.append(str(checkout))


def under_test(checkout: Path) -> Tested | None:
    """The raggeddsl that is imported, or would be; None if there is none."""
    spec = getattr(sys.modules.get("raggeddsl"), "__spec__", None) or util.find_spec("raggeddsl")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    named = os.environ.get("RAGGEDDSL_LIBRARY")
    places = [Path(named)] if named else [Path(at) / LIBRARY for at in spec.submodule_search_locations or ()]
    library = next((place for place in places if place.is_file()), None)
    return Tested(folder, library, folder.resolve() == (checkout / "raggeddsl").resolve())
