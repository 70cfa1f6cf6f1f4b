"""Read what is typed about profiles."""

from __future__ import annotations

from django import forms

from dashboard.forms import LineField
from orchestration.media.profiles import BITRATES_KBITS, CRFS, HEIGHTS, PRESETS, RATES
from orchestration.models import Profile
from orchestration.results.library import ProfileShown


def _number(bounds: tuple[int, int], initial: int, label: str, help_text: str = "") -> forms.IntegerField:
    return forms.IntegerField(
        min_value=bounds[0], max_value=bounds[1], initial=initial, label=label, help_text=help_text
    )


class ProfileForm(forms.Form):
    """What a profile asks for."""

    key = forms.SlugField(max_length=40, label="key", help_text="short name, such as 4k-hdr; stays")
    name = LineField(max_length=80, label="name")
    max_height = _number(HEIGHTS, 1080, "at most, lines", "of the shorter side; 2160 is 4K")
    max_fps = _number(RATES, 60, "at most, frames a second")
    colour = forms.ChoiceField(choices=Profile.Colour.choices, label="colour")
    crf = _number(CRFS, 18, "CRF", "of what has to be encoded; less is finer and larger")
    preset = forms.ChoiceField(
        choices=[(preset, preset) for preset in PRESETS], initial="veryfast", label="preset"
    )
    loudness = forms.ChoiceField(choices=Profile.Loudness.choices, initial="even", label="loudness")
    audio_kbits = _number(BITRATES_KBITS, 384, "sound, kbit/s")
    is_default = forms.BooleanField(required=False, label="for whatever has no profile")

    @classmethod
    def of(cls, row: ProfileShown) -> ProfileForm:
        """Return the form that shows a profile; its key stays."""
        form = cls(initial={name: getattr(row, name) for name in cls.base_fields})
        form.fields["key"].widget.attrs["readonly"] = True
        return form
