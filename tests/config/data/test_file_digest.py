"""The digest of files, small ones and those that a thread reads."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from optserve.config.data.file_digest import BLOCK, LARGE, FileDigest, Provenance


@pytest.mark.parametrize("sizes", [[0], [5], [LARGE], [BLOCK + 3], [3, 0, LARGE, 7]])
def test_it_is_that_of_one_file_after_another(tmp_path: Path, sizes: list[int]) -> None:
    files, whole = [], b""
    for number, size in enumerate(sizes):
        content = bytes([number + 65]) * size
        files.append(tmp_path / f"{number}.bin")
        files[-1].write_bytes(content)
        whole += content
    digest = FileDigest(files)
    assert digest.text() == digest.text() == hashlib.sha256(whole).hexdigest()


@pytest.mark.parametrize("size", [5, LARGE])
def test_a_file_that_cannot_be_read_is_an_error_where_it_is_asked_for(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "d.bin"
    file.write_bytes(b"x" * size)

    def refuse(*given: object, **options: object) -> None:
        raise PermissionError("no")

    monkeypatch.setattr(Path, "open", refuse)
    digest = FileDigest([file])
    for _ in range(2):
        with pytest.raises(PermissionError, match="no"):
            digest.text()
    assert dict(Provenance("d.bin", digest)) == {"file": "d.bin", "sha256": ""}
