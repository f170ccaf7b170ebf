"""Tells what kind of file the first bytes are of, by the name that people know it by."""

_HEAD_BYTES = 4096
_FTYP = b"ftyp"

_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"II\xbc", "JPEG XR"),
    (b"8BPS", "PSD"),
    (b"gimp xcf", "XCF"),
    (b"\0\0\1\0", "ICO"),
    (b"\0\0\2\0", "CUR"),
    (b"icns", "ICNS"),
    (b"DDS ", "DDS"),
    (b"qoif", "QOI"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"farbfeld", "farbfeld"),
    (b"BPG\xfb", "BPG"),
    (b"FLIF", "FLIF"),
    (b"\x8aMNG\r\n\x1a\n", "MNG"),
    (b"\x8bJNG\r\n\x1a\n", "JNG"),
    (b"FUJIFILMCCD-RAW", "RAW (RAF)"),
    (b"IIU\0", "RAW (RW2)"),
    (b"IIRO", "RAW (ORF)"),
    (b"IIRS", "RAW (ORF)"),
    (b"MMOR", "RAW (ORF)"),
    (b"FOVb", "RAW (X3F)"),
    (b"\0MRM", "RAW (MRW)"),
    (b"II\x1a\0\0\0HEAPCCDR", "RAW (CRW)"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"%PDF-", "PDF"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript"),
    (b"{\\rtf", "RTF"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Microsoft Office document"),
    (b"PK\x05\x06", "ZIP"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"\x1aE\xdf\xa3", "Matroska or WebM"),
    (b"OggS", "Ogg"),
    (b"fLaC", "FLAC"),
    (b"ID3", "MP3"),
    (b"FLV\x01", "FLV"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMV or WMA"),
    (b"\0\0\1\xba", "MPEG"),
    (b"\0\0\1\xb3", "MPEG"),
    (b"SQLite format 3\0", "SQLite"),
    (b"bplist00", "property list"),
    (b"\x7fELF", "program"),
)
_RIFF = {
    b"WEBP": "WEBP", b"WAVE": "WAV", b"AVI ": "AVI", b"ACON": "ANI", b"RMID": "MIDI", b"CDR8": "CorelDRAW",
}  # fmt: skip
_BRANDS = {
    b"avif": "AVIF", b"avis": "AVIF",
    b"heic": "HEIC", b"heix": "HEIC", b"heim": "HEIC", b"heis": "HEIC", b"hevc": "HEIC", b"hevx": "HEIC",
    b"hevm": "HEIC", b"hevs": "HEIC",
    b"jxl ": "JPEG XL", b"jp2 ": "JPEG 2000", b"jpx ": "JPEG 2000", b"jpm ": "JPEG 2000", b"mjp2": "JPEG 2000",
    b"crx ": "RAW (CR3)", b"qt  ": "MOV", b"M4A ": "M4A", b"M4B ": "M4A", b"M4P ": "M4A",
}  # fmt: skip
"""Kinds by the first brand alone; ISO/IEC 14496-12 and 23008-12, and https://mp4ra.org."""
_ANY_PICTURE = (b"mif1", b"mif2", b"mif3", b"msf1", b"miaf")
_3GP = (b"3gp", b"3g2", b"3ge", b"3gs")
_QUICKTIME_BOXES = (b"moov", b"mdat", b"wide", b"skip", b"pnot")
"""Beginnings of films of before there was `ftyp`."""
_TIFF = (b"II*\0", b"MM\0*")
_DNG_VERSION = 50706
_MAKE = 271
_RAW_MAKES = ((b"NIKON", "RAW (NEF)"), (b"SONY", "RAW (ARW)"), (b"PENTAX", "RAW (PEF)"), (b"SAMSUNG", "RAW (SRW)"))
_DOCUMENTS = ((b"word/", "DOCX"), (b"xl/", "XLSX"), (b"ppt/", "PPTX"))


def kind_of_file(file: bytes) -> str | None:
    """Return the kind's name, such as "JPEG", "HEIC" or "MP4"; None: none that is known here.

    Nothing is checked but the first kilobytes: a file may be broken behind them.
    """
    head = file[:_HEAD_BYTES]
    if head[4:8] == _FTYP:
        return _kind_of_brands(head)
    if head.startswith((b"RIFF", b"RIFX")):
        return _RIFF.get(head[8:12], "RIFF")
    if head.startswith(b"FORM") and head[8:12] in (b"AIFF", b"AIFC"):
        return "AIFF"
    if head.startswith(_TIFF):
        return _kind_of_tiff(head)
    if head.startswith(b"PK\x03\x04"):
        return next((name for folder, name in _DOCUMENTS if folder in head), "ZIP")
    if head.startswith(b"BM") and len(head) >= 14 and head[6:10] == b"\0\0\0\0":
        return "BMP"
    if head[:1] == b"P" and head[1:2] in b"1234567" and head[2:3].isspace():
        return "PNM"
    if len(head) >= 4 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2 and head[2] >> 4 not in (0, 15):
        return "MP3"
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head[4:8] in _QUICKTIME_BOXES:
        return "MOV"
    if head[128:132] == b"DICM":
        return "DICOM"
    return _kind_of_markup(head)


def _kind_of_brands(head: bytes) -> str:
    """Tell the kind by the brand, and where that names no codec, by those that it says it is compatible with."""
    length = min(max(16, int.from_bytes(head[:4], "big")), len(head))
    first = head[8:12]
    brands = [first, *(head[at : at + 4] for at in range(16, length - 3, 4))]
    if first in _BRANDS:
        return _BRANDS[first]
    if first in _ANY_PICTURE:
        return next((_BRANDS[brand] for brand in brands if _BRANDS.get(brand) in ("AVIF", "HEIC")), "HEIF")
    return "3GP" if first[:3] in _3GP else "MP4"


def _kind_of_tiff(head: bytes) -> str:
    """TIFF, or what cameras make of it."""
    if head[8:10] == b"CR":
        return "RAW (CR2)"
    order = "little" if head[:2] == b"II" else "big"
    at = int.from_bytes(head[4:8], order)  # type: ignore[arg-type]
    tags = int.from_bytes(head[at : at + 2], order)  # type: ignore[arg-type]
    make = None
    for entry in range(at + 2, min(at + 2 + 12 * tags, len(head) - 11), 12):
        tag = int.from_bytes(head[entry : entry + 2], order)  # type: ignore[arg-type]
        if tag == _DNG_VERSION:
            return "RAW (DNG)"
        if tag == _MAKE:
            place = int.from_bytes(head[entry + 8 : entry + 12], order)  # type: ignore[arg-type]
            make = head[place : place + 8].upper()
    return next((name for start, name in _RAW_MAKES if make and make.startswith(start)), "TIFF")


def _kind_of_markup(head: bytes) -> str | None:
    """Markup may begin with a mark of its encoding, blanks, a declaration and comments."""
    text = head.removeprefix(b"\xef\xbb\xbf")
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = text[2:].replace(b"\0", b"")
    text = text.lstrip().lower()
    if not text.startswith(b"<"):
        return None
    if b"<!doctype html" in text or b"<html" in text or text.startswith((b"<head", b"<body", b"<script")):
        return "HTML"
    if b"<svg" in text:
        return "SVG"
    return "XML" if text.startswith(b"<?xml") else None
