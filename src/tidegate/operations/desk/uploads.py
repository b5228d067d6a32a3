"""A form with one table in it: the file goes to a folder of its own, the fields are read like options of the command line."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from tidegate.errors import InputRefused, WrongMediaType

FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
ENDINGS = (".csv", ".parquet")
MOST_FIELDS, LONGEST_NAME = 20, 150
_FLAGS = {"": False, "false": False, "true": True}


@dataclass(frozen=True)
class Upload:
    """What came: a folder that the reader removes, the file in it (None where there is none), and the fields as text."""

    folder: Path
    file: Path | None
    fields: Mapping[str, str]


def form_body(fields: Mapping[str, str], required: bool) -> dict[str, object]:
    """The OpenAPI document of such a form: its fields with what they mean."""
    properties: dict[str, object] = {name: {"type": "string", "description": text} for name, text in fields.items()}
    properties["file"] = {"type": "string", "format": "binary", "description": "a table, CSV or Parquet"}
    schema = {"type": "object", "properties": properties, "required": ["file"] if required else [], "additionalProperties": False}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


async def received(request: Request, scratch: Path, known: Mapping[str, str]) -> Upload:
    """The form of a request, its file copied to `scratch`. Raises InputRefused for another form, field or kind of file, WrongMediaType."""
    if not _is_form(request):
        raise WrongMediaType("The body is not a form.", "Send multipart/form-data with the fields that GET /docs names.")
    try:
        form = await request.form(max_files=1, max_fields=MOST_FIELDS)
    except HTTPException:
        raise InputRefused("The form cannot be read.", "Send multipart/form-data with the fields that GET /docs names.") from None
    try:
        fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        files = {name: value for name, value in form.multi_items() if isinstance(value, UploadFile)}
        strange = sorted({*fields, *files} - {*known, "file"})
        if strange or "file" in fields:
            raise InputRefused("The form has a field that this route does not know.", f"There are: file, {', '.join(known)}.")
        folder = Path(tempfile.mkdtemp(dir=scratch, prefix="upload."))
        try:
            file = files.get("file")
            place = None if file is None else folder / _name(file.filename or "")
            if file is not None and place is not None:
                await asyncio.get_running_loop().run_in_executor(None, _copy, file.file, place)
            return Upload(folder, place, fields)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    finally:
        await form.close()


def flag(fields: Mapping[str, str], name: str) -> bool:
    """A field that is true or false, false where it is left out. Raises InputRefused."""
    given = fields.get(name, "")
    if given not in _FLAGS:
        raise InputRefused(f"{name} is neither true nor false.", "Send one of them, or leave it out.")
    return _FLAGS[given]


def _is_form(request: Request) -> bool:
    """Also a request without any body: it has no field. A body of another kind would be read as no field at all."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind in FORMS:
        return True
    return not kind and request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers


def _name(given: str) -> str:
    """A name of our own where the given one could lead elsewhere; its ending says how the table is read."""
    ending = Path(given).suffix.lower()
    if ending not in ENDINGS:
        raise InputRefused("The file is neither .csv nor .parquet by its name.", "Name it with one of these endings.")
    stem = "".join(character if character.isalnum() or character in "-_" else "_" for character in Path(given).stem)[:LONGEST_NAME]
    return f"{stem or 'table'}{ending}"


def _copy(source: BinaryIO, place: Path) -> None:
    with place.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
