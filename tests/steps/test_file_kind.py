"""Files are called what they are, whatever their first box is long."""

import io
import struct
import zipfile

import pytest
from PIL import Image

from vitrine_steps.photo.file_kind import kind_of_file
from vitrine_steps.photo.pixels import PhotoError, PhotoLimits, accepted_formats, pixels_from_photo


def encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (9, 9)).save(buffer, kind)
    return buffer.getvalue()


def ftyp(brand: bytes, *compatible: bytes, size: int | None = None) -> bytes:
    body = brand + bytes(4) + b"".join(compatible)
    return struct.pack(">I", size or 8 + len(body)) + b"ftyp" + body + b"\0\0\0\x08mdat"


def tiff(*tags: tuple[int, bytes], big: bool = False) -> bytes:
    order, mark = (">", b"MM\0*") if big else ("<", b"II*\0")
    entries = b"".join(struct.pack(order + "HHI", tag, 1, 4) + value for tag, value in tags)
    return mark + struct.pack(order + "IH", 8, len(tags)) + entries + bytes(40)


def zipped(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, "x")
    return buffer.getvalue()


def nikon() -> bytes:
    return tiff((271, struct.pack("<I", 40)))[:40].ljust(40, b"\0") + b"NIKON CORPORATION\0"


HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")
KINDS: dict[str, tuple[bytes, str | None]] = {
    **{f"Pillow's {kind}": (encoded(kind), kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")},
    "JPEG 2000": (encoded("JPEG2000"), "JPEG 2000"),
    "a PPM": (encoded("PPM"), "PNM"),
    "an ICO": (encoded("ICO"), "ICO"),
    "Pillow's PDF": (encoded("PDF"), "PDF"),
    "a phone's HEIC, of a box of 0x24 bytes": (ftyp(b"heic", b"mif1", b"MiHE", b"MiPr", b"miaf", b"heic"), "HEIC"),
    **{f"HEIC by its brand {brand.decode()}": (ftyp(brand, b"mif1"), "HEIC") for brand in HEIC_BRANDS},
    "HEIC of a brand for any picture": (ftyp(b"mif1", b"mif1", b"heic"), "HEIC"),
    "AVIF of a brand for any picture": (ftyp(b"mif1", b"miaf", b"avif"), "AVIF"),
    "a moving AVIF": (ftyp(b"avis", b"avif", b"msf1"), "AVIF"),
    "a picture of a codec that is not said": (ftyp(b"mif1", b"miaf"), "HEIF"),
    "MP4": (ftyp(b"isom", b"iso2", b"avc1", b"mp41"), "MP4"),
    "MP4 of version 2": (ftyp(b"mp42", b"isom"), "MP4"),
    "a film of a phone": (ftyp(b"qt  "), "MOV"),
    "a film of before there were brands": (struct.pack(">I", 800) + b"moov" + bytes(90), "MOV"),
    "a film that begins with its pictures": (struct.pack(">I", 8) + b"wide" + struct.pack(">I", 90) + b"mdat", "MOV"),
    "3GP": (ftyp(b"3gp4", b"isom"), "3GP"),
    "M4A": (ftyp(b"M4A ", b"isom"), "M4A"),
    "CR3": (ftyp(b"crx ", b"isom"), "RAW (CR3)"),
    "WAV": (b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt " + bytes(28), "WAV"),
    "AVI": (b"RIFF" + struct.pack("<I", 36) + b"AVI LIST", "AVI"),
    "a RIFF of another kind": (b"RIFF\0\0\0\0abcd", "RIFF"),
    "TIFF, big end first": (tiff((256, bytes(4)), big=True), "TIFF"),
    "DNG": (tiff((254, bytes(4)), (50706, b"\1\4\0\0")), "RAW (DNG)"),
    "CR2": (b"II*\0\x10\0\0\0CR\2\0" + bytes(40), "RAW (CR2)"),
    "NEF": (nikon(), "RAW (NEF)"),
    "JPEG XL, bare": (b"\xff\x0a\xfa\x1f\x41", "JPEG XL"),
    "JPEG XL in boxes": (b"\0\0\0\x0cJXL \r\n\x87\n" + ftyp(b"jxl "), "JPEG XL"),
    "PSD": (b"8BPS\0\1" + bytes(20), "PSD"),
    "PDF": (b"%PDF-1.7\n", "PDF"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    "SVG behind a declaration": (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x -->\n<svg>', "SVG"),
    "HTML": (b"\n<!DOCTYPE html><html><svg></svg></html>", "HTML"),
    "XML": (b'<?xml version="1.0"?><feed/>', "XML"),
    "ZIP": (zipped("photo.jpg"), "ZIP"),
    "DOCX": (zipped("word/document.xml"), "DOCX"),
    "gzip": (b"\x1f\x8b\x08\0", "gzip"),
    "MP3": (b"\xff\xfb\x90\x64" + bytes(20), "MP3"),
    "MP3 with a title": (b"ID3\4" + bytes(20), "MP3"),
    "WebM": (b"\x1aE\xdf\xa3" + bytes(20), "Matroska or WebM"),
    "DICOM": (bytes(128) + b"DICM", "DICOM"),
    "text that begins like a BMP": (b"BMW is a car, and not a picture", None),
    "text": (b"hello, this is text", None),
    "nothing": (b"", None),
    "a box and no more": (b"\0\0\0\x18ftyp", "MP4"),
    "one byte": (b"\xff", None),
}  # fmt: skip


@pytest.mark.parametrize("sentence", KINDS)
def test_kind(sentence: str) -> None:
    file, kind = KINDS[sentence]
    assert kind_of_file(file) == kind


@pytest.mark.parametrize("sentence", [name for name, (_, kind) in KINDS.items() if kind not in accepted_formats()])
def test_what_is_not_accepted_is_refused_by_name(sentence: str) -> None:
    file, kind = KINDS[sentence]
    with pytest.raises(PhotoError, match="JPEG, PNG, WEBP, AVIF") as caught:
        pixels_from_photo(file, side_px=8, limits=PhotoLimits())
    if kind:
        assert f"format, {kind}, is not accepted" in str(caught.value)


def test_any_size_of_the_first_box_is_read() -> None:
    for size in (16, 0x18, 0x1C, 0x20, 0x24, 0x28, 0x60, 0xFFFF_FFFF):
        brands = [b"mif1"] * max(0, min(30, size // 4 - 5)) + [b"heic"]
        assert kind_of_file(ftyp(b"heic", *brands, size=size)) == "HEIC"
