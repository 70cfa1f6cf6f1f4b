"""Decide what becomes of the picture: copied, with a word why not, or encoded as YouTube recommends."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .colours import Colour
from .measure import MediaInfo
from .profiles import TAKEN_CODECS, Profile
from .streams import UNSPECIFIED, Streams
from .tools import MediaTool

REFERENCE_WHITE_NITS = 203  # of HDR, becomes the white of SDR (ITU-R BT.2408)
HD_LINES = 720
STANDARD_RATES = tuple(
    Fraction(*pair)
    for pair in (
        (24000, 1001),
        (24, 1),
        (25, 1),
        (30000, 1001),
        (30, 1),
        (48, 1),
        (50, 1),
        (60000, 1001),
        (60, 1),
    )
)
SNAP_SHARE = Fraction(1, 2000)  # 29.97 for 30000/1001, 59.95 for 60000/1001; 24 and 23.976 stay two

# Codecs in these carry timestamps and parameters that MP4 can take over without touching a frame.
_COPYABLE_CONTAINERS = {
    "mp4": TAKEN_CODECS,
    "matroska": TAKEN_CODECS,
    "mpegts": ("h264", "hevc"),
    "flv": ("h264",),
}
_STRICT_H264 = ("baseline", "constrained baseline", "main", "high")
_TAKEN_H264 = (*_STRICT_H264, "high 10", "high 4:2:2")
_TAKEN_PIXELS = frozenset(
    {f"{layout}{depth}" for layout in ("yuv420p", "yuv422p") for depth in ("", "10le", "12le")} | {"yuvj420p"}
)
_TAGS = {"h264": "avc1", "hevc": "hvc1", "vp9": "vp09", "av1": "av01"}
_METADATA_FILTERS = {
    "h264": ("h264_metadata", "colour_primaries"),
    "hevc": ("hevc_metadata", "colour_primaries"),
    "av1": ("av1_metadata", "color_primaries"),
}


@dataclass(frozen=True, slots=True)
class Picture:
    """Hold ffmpeg's arguments for the picture, what has to come of them, and what a person should know about it.

    `rate` is the even rate that it is encoded at, None where it is copied; `colour` names the tags of the result.
    """

    arguments: list[str]
    copied: bool
    colour: Colour
    rate: Fraction | None = None
    notes: tuple[str, ...] = ()


def plan(
    info: MediaInfo, streams: Streams, profile: Profile, tool: MediaTool, *, webm: bool = False
) -> Picture:
    """Return how the picture of a measured file is brought to a profile."""
    why = why_encoded(info, streams, profile, tool)
    if not why:
        uneven = "Its frames come at uneven times; they are copied so. YouTube prefers even ones."
        tag = [] if webm else ["-tag:v", _TAGS[info.video_codec]]
        return Picture(
            ["-c:v", "copy", *tag, *_tagging(info, streams)],
            copied=True,
            colour=info.colour,
            notes=(uneven,) if streams.is_variable else (),
        )
    notes = [f"The picture is encoded anew: {why}."]
    keeps_hdr = bool(info.hdr_transfer) and profile.colour == "keep" and tool.encodes_hevc
    if info.hdr_transfer and not keeps_hdr and profile.colour == "keep":
        notes.append("Its HDR becomes SDR: this ffmpeg has no encoder for it (libx265).")
    maps = bool(info.hdr_transfer) and not keeps_hdr and tool.tone_maps
    rate = target_rate(streams, profile)
    encoder = _hdr_encoder(info, profile, rate) if keeps_hdr else _sdr_encoder(profile, rate)
    filters = _filters(info, streams, profile, rate, maps=maps, keeps_hdr=keeps_hdr)
    colour = (
        Colour("bt2020", info.hdr_transfer, "bt2020nc", "tv")
        if keeps_hdr
        else Colour("bt709", "bt709", "bt709", "tv")
    )
    arguments = ["-vf", ",".join(filters), *encoder]
    return Picture(arguments, copied=False, colour=colour, rate=rate, notes=tuple(notes))


def why_encoded(info: MediaInfo, streams: Streams, profile: Profile, tool: MediaTool) -> str:
    """Return why the picture cannot go into the result untouched; empty where it can."""
    strict = profile.codecs == ("h264",)
    codec, shape = info.video_codec, info.video_profile.lower()
    h264 = _STRICT_H264 if strict else _TAKEN_H264
    turned = info.rotation_degrees != 0
    rules = (
        (codec in profile.codecs, f"it is {codec}"),
        (codec in _COPYABLE_CONTAINERS.get(info.container, ()), f"it is {codec} in {info.container}"),
        (codec != "h264" or shape in h264, f"it is H.264 of the profile {info.video_profile or 'unknown'}"),
        (
            info.pixel_format == "yuv420p" if strict else info.pixel_format in _TAKEN_PIXELS,
            f"its pixels are {info.pixel_format}",
        ),
        (not turned or (not strict and info.container == "mp4"), "it has to be turned"),
        (not streams.is_mirrored, "it has to be mirrored"),
        (info.square_pixels, "its pixels are not square"),
        (not info.interlaced, "it is interlaced"),
        (not info.trimmed, "its edit list leaves out pictures"),
        (info.width % 2 == 0 and info.height % 2 == 0, "its width or height is odd"),
        (min(info.width, info.height) <= profile.max_height, f"it has more than {profile.max_height} lines"),
        (info.frames_per_second > 0, "it does not say how many frames a second has"),
        (
            info.frames_per_second <= profile.max_fps + 0.5,
            f"it has more than {profile.max_fps} frames a second",
        ),
        (not (info.hdr_transfer and profile.colour == "sdr" and tool.tone_maps), "it is HDR"),
    )
    return next((why for holds, why in rules if not holds), "")


def target_rate(streams: Streams, profile: Profile) -> Fraction:
    """Return the constant rate to encode at: the master's, the next that its frames fit into, or the most allowed."""
    rate = streams.average_rate or Fraction(30)
    if streams.is_variable:
        above = [standard for standard in STANDARD_RATES if standard >= rate * (1 - SNAP_SHARE)]
        rate = (
            streams.base_rate
            if rate < streams.base_rate <= profile.max_fps
            else next(iter(above), Fraction(60))
        )
    rate = snapped(rate)
    if rate > profile.max_fps + Fraction(1, 2):
        # Each second or third frame of the master, where that is near the most allowed: evenly chosen frames move evenly.
        parts = [
            snapped(rate / part) for part in range(2, 9) if rate / part <= profile.max_fps + Fraction(1, 2)
        ]
        rate = (
            parts[0] if parts and parts[0] >= profile.max_fps * Fraction(3, 4) else Fraction(profile.max_fps)
        )
    return rate


def snapped(rate: Fraction) -> Fraction:
    """Return the standard rate that a measured one means, or a near one with small numbers."""
    nearest = min(STANDARD_RATES, key=lambda standard: abs(standard - rate))
    return nearest if abs(nearest - rate) <= nearest * SNAP_SHARE else rate.limit_denominator(1001)


def target_size(info: MediaInfo, max_height: int) -> tuple[int, int]:
    """Return width and height of the result: bounded by its shorter side, never enlarged, even."""
    shrink = min(1.0, max_height / min(info.width, info.height))
    return even(round(info.width * shrink)), even(round(info.height * shrink))


def even(pixels: int) -> int:
    """Round down to an even number of pixels: 4:2:0 colour has one sample for two."""
    return max(2, pixels - pixels % 2)


def _filters(
    info: MediaInfo, streams: Streams, profile: Profile, rate: Fraction, *, maps: bool, keeps_hdr: bool
) -> list[str]:
    wide, tall = target_size(info, profile.max_height)
    filters = []
    if info.video_codec not in ("vp8", "vp9", "av1"):
        filters.append("bwdif=mode=send_frame:deint=interlaced")  # passes on frames that are whole already
    # A picture that begins after the sound shows its first frame until then.
    filters.append(f"fps=fps={rate.numerator}/{rate.denominator}:start_time=0")
    if maps:
        filters += [f"scale={wide}:{tall}", *_to_standard_range(info.hdr_transfer)]
    elif keeps_hdr:
        filters.append(f"scale={wide}:{tall}:in_color_matrix=bt2020:out_color_matrix=bt2020:out_range=tv")
    else:
        matrix = "" if streams.is_rgb else f":in_color_matrix={_read_as(info, streams)}"
        filters.append(f"scale={wide}:{tall}{matrix}:out_color_matrix=bt709:out_range=tv")
    filters += ["setsar=1", f"format={'yuv420p10le' if keeps_hdr else 'yuv420p'}"]
    primaries, transfer, space = ("bt2020", info.hdr_transfer, "bt2020nc") if keeps_hdr else ("bt709",) * 3
    filters.append(
        f"setparams=color_primaries={primaries}:color_trc={transfer}:colorspace={space}:range=tv:field_mode=prog"
    )
    return filters


def _read_as(info: MediaInfo, streams: Streams) -> str:
    """Return the matrix that a picture was made with: what it says, else what players take it for by its size."""
    known = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}
    return known.get(streams.matrix, "bt709" if min(info.width, info.height) >= HD_LINES else "bt601")


def _sdr_encoder(profile: Profile, rate: Fraction) -> list[str]:
    """Return H.264 as YouTube recommends it: High, two B-frames, CABAC, a closed GOP of half a second."""
    return [
        *("-c:v", "libx264", "-profile:v", "high", "-preset", profile.preset, "-crf", str(profile.crf)),
        *("-threads", str(profile.threads), "-g", str(_gop(rate)), "-bf", "2", "-coder", "cabac"),
        *("-flags", "+cgop", "-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"),
        *("-color_range", "tv"),
    ]


def _hdr_encoder(info: MediaInfo, profile: Profile, rate: Fraction) -> list[str]:
    own = f"log-level=error:open-gop=0:keyint={_gop(rate)}:bframes=2:repeat-headers=1"
    return [
        *("-c:v", "libx265", "-profile:v", "main10", "-preset", profile.preset, "-crf", str(profile.crf)),
        *("-x265-params", own, "-tag:v", "hvc1", "-color_primaries", "bt2020"),
        *("-color_trc", info.hdr_transfer, "-colorspace", "bt2020nc", "-color_range", "tv"),
    ]


def _gop(rate: Fraction) -> int:
    return max(1, round(rate / 2))


def _to_standard_range(transfer: str) -> list[str]:
    """Bring HDR to BT.709: eight bits cannot carry it, and shown as it is it looks grey and pale."""
    return [
        f"zscale=tin={transfer}:pin=bt2020:min=bt2020nc:t=linear:npl={REFERENCE_WHITE_NITS}",
        "format=gbrpf32le",
        "zscale=p=bt709",
        "tonemap=hable:desat=0",
        "zscale=t=bt709:m=bt709:r=tv",
    ]


def _tagging(info: MediaInfo, streams: Streams) -> list[str]:
    """Return arguments that write down the colours of a copied picture which does not name them.

    What it says stays. Else it is named what players take it for: BT.709 from 720 lines on, SMPTE 170M below; of HDR,
    which says its transfer always, BT.2020.
    """
    said = (streams.primaries, streams.transfer, streams.matrix)
    if info.video_codec not in _METADATA_FILTERS or not UNSPECIFIED.intersection(said):
        return []
    usual = 1 if min(info.width, info.height) >= HD_LINES else 6
    if info.hdr_transfer:
        usual = 9
    primaries, transfer, matrix = (usual if value in UNSPECIFIED else value for value in said)
    name, first = _METADATA_FILTERS[info.video_codec]
    values = f"{first}={primaries}:transfer_characteristics={transfer}:matrix_coefficients={matrix}"
    return ["-bsf:v", f"{name}={values}"]
