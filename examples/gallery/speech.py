"""Speech for networks that listen: sentences spoken by espeak-ng, with noise, echo and lost packets."""

import subprocess
import wave
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve, resample_poly
from sources import MissingSourceError, Sources

__all__ = ["RATE", "clips", "echoes", "log_mel", "log_power", "lossy", "notes", "stream"]

Signal = NDArray[np.float32]

RATE = 16_000

_SENTENCES = {
    "en-us": (
        "The train to the coast leaves at a quarter past nine.",
        "Could you put the kettle on, please?",
        "Forty two small boats were waiting behind the harbour wall.",
        "I have read the letter twice and still do not know what it says.",
        "Turn left at the bakery and walk until you see the river.",
        "The price of copper fell by three percent on Thursday.",
        "No, that was not what I meant at all!",
        "Her brother plays the cello in a small orchestra.",
    ),
    "en-gb": (
        "It rained for most of the afternoon, and then quite suddenly it stopped.",
        "We should measure twice before we cut once.",
        "Seven, eight, nine, ten, and out.",
        "The old lighthouse has been empty since the winter of nineteen eighty.",
        "Please leave a message after the tone.",
        "Whose umbrella is this, and why is it wet?",
        "She counted the stairs: there were ninety nine.",
        "A quiet voice can carry a long way over water.",
    ),
    "de": (
        "Der Zug nach Hamburg hat heute zwanzig Minuten Verspätung.",
        "Können Sie das bitte noch einmal wiederholen?",
        "Im Garten hinter dem Haus stehen drei alte Apfelbäume.",
        "Morgen wird es kälter, und am Abend schneit es.",
        "Ich habe den Schlüssel auf dem Küchentisch liegen lassen.",
        "Achtung, die Türen schließen selbsttätig.",
    ),
    "fr": (
        "Le marché ouvre à huit heures tous les samedis.",
        "Je voudrais deux billets pour Lyon, s'il vous plaît.",
        "Il fait trop chaud pour travailler dehors.",
        "La rivière était haute après les pluies de mars.",
        "Où avez-vous trouvé ce livre?",
        "Nous avons marché toute la nuit sans voir personne.",
    ),
    "es": (
        "La biblioteca cierra a las nueve de la noche.",
        "No encuentro las llaves del coche por ninguna parte.",
        "El domingo vamos a comer en casa de mis abuelos.",
        "Hace mucho viento en lo alto de la montaña.",
        "Cuatro niños jugaban al lado de la fuente.",
        "¿Me puede decir qué hora es?",
    ),
    "it": (
        "Il treno per Bologna parte dal terzo binario.",
        "Vorrei un caffè e un bicchiere d'acqua.",
        "Le finestre della vecchia scuola erano tutte chiuse.",
        "Domani mattina arriva mia sorella da Torino.",
        "Non ho mai visto una luna così grande.",
        "Quanto costa questo quaderno blu?",
    ),
}
_VARIANTS = ("", "+m3", "+f2", "+m7", "+f4")


def clips(sources: Sources, count: int, seconds: float) -> Signal:
    """Return noisy speech, shape (count, samples) at 16 kHz, values in [-1, 1]; one clip in twelve is only noise."""
    rng = np.random.default_rng(7)
    voices = _spoken(sources)
    length = round(seconds * RATE)
    made = []
    for i in range(count):
        clip = np.zeros(length, np.float32)
        if i % 12 != 11:
            clip = _said(length, voices, rng) * np.float32(10 ** (rng.uniform(-20, 0) / 20))
        level = 10 ** (-rng.uniform(0, 40) / 20) * max(float(np.std(clip)), 0.02)
        made.append(_limited(clip + np.float32(level) * _noise(length, rng)))
    return np.stack(made)


def stream(sources: Sources, seconds: float) -> Signal:
    """Return one long recording at 16 kHz: sentences with pauses, in noise."""
    return clips(sources, 1, seconds)[0]


def lossy(speech: Signal) -> Signal:
    """Return clips in which a tenth of the packets of 20 ms are lost, in bursts, as on a bad line."""
    rng = np.random.default_rng(8)
    damaged, packet = speech.copy(), RATE // 50
    for row in damaged:
        for start in np.flatnonzero(rng.random(len(row) // packet) < 0.04):
            row[start * packet : (start + int(rng.integers(1, 5))) * packet] = 0
    return damaged


def echoes(speech: Signal) -> tuple[Signal, Signal, Signal]:
    """Return a loudspeaker's signal, what a microphone hears of it and of a speaker, and that with less echo."""
    rng = np.random.default_rng(9)
    far, near = speech, np.roll(speech, 1, axis=0)
    room = rng.standard_normal(1600) * np.exp(-np.arange(1600) / 300)
    heard = fftconvolve(far, (room / np.linalg.norm(room))[None].astype(np.float32), axes=1)[
        :, : far.shape[1]
    ]
    left = rng.uniform(0.02, 0.5, (len(far), 1)).astype(np.float32)
    return far, near + np.float32(0.6) * heard, near + left * heard


def notes(count: int) -> Signal:
    """Return clips of 43,844 samples at 22.05 kHz: one to four notes at a time, with harmonics that die away."""
    rng = np.random.default_rng(10)
    time = np.arange(43_844) / 22_050
    made = []
    for _ in range(count):
        sound = 0.002 * rng.standard_normal(len(time))
        for _ in range(int(rng.integers(2, 9))):
            frequency, start = 440 * 2 ** ((int(rng.integers(33, 88)) - 69) / 12), rng.uniform(0, 1.7)
            since = np.maximum(time - start, 0)
            fading = np.where(time > start, np.exp(-since * rng.uniform(1, 6)), 0)
            sound += fading * sum(np.sin(2 * np.pi * frequency * k * since) / k**1.5 for k in range(1, 7))
        made.append(_limited(sound))
    return np.stack(made)


def log_power(speech: Signal, size: int = 512) -> Signal:
    """Return the log power spectrum over 20, shape (clips, frames, size / 2 + 1), in frames that overlap by half."""
    spectrum = np.abs(_frames(speech, size, size // 2, np.hamming(size + 1)[:-1]))
    return (np.log(np.maximum(spectrum**2, 1e-12)) / 20).astype(np.float32)


def log_mel(speech: Signal, *, size: int, step: int, bands: int) -> Signal:
    """Return a log-mel spectrogram, (dB under the clip's largest + 40) / 40, shape (clips, frames, bands)."""
    half = size // 2
    padded = np.pad(speech, ((0, 0), (half, half)), mode="constant")
    power = np.abs(_frames(padded, size, step, np.hanning(size + 1)[:-1])) ** 2
    mel = power @ _mel_filters(size, bands).T
    decibel = 10 * np.log10(np.maximum(mel, 1e-10))
    decibel -= decibel.max(axis=(1, 2), keepdims=True)
    return ((np.maximum(decibel, -80) + 40) / 40).astype(np.float32)


def _spoken(sources: Sources) -> list[Signal]:
    path = sources.cache / "speech.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        texts = [(voice, text) for voice, lines in _SENTENCES.items() for text in lines]
        spoken = [
            _speak(text, voice + _VARIANTS[i % len(_VARIANTS)]) for i, (voice, text) in enumerate(texts)
        ]
        np.savez(path, *spoken)
    with np.load(path) as stored:
        return [stored[name] for name in stored.files]


def _speak(text: str, voice: str) -> Signal:
    try:
        done = subprocess.run(  # noqa: S603 - the arguments are this file's own
            ["espeak-ng", "-v", voice, "--stdout", text],  # noqa: S607 - wherever the reader has it
            capture_output=True,
            check=True,
        )
    except FileNotFoundError as error:
        raise MissingSourceError("there is no espeak-ng; on Debian: apt-get install espeak-ng") from error
    with wave.open(BytesIO(done.stdout)) as recording:
        frames = np.frombuffer(recording.readframes(2**31 - 1), np.int16)
        rate = recording.getframerate()
    signal = resample_poly(frames.astype(np.float64) / 32768, RATE, rate)
    return signal.astype(np.float32)


def _said(length: int, voices: list[Signal], rng: np.random.Generator) -> Signal:
    """Return sentences with pauses between."""
    said = np.zeros(length, np.float32)
    at = int(rng.integers(0, RATE // 2))
    while at < length:
        voice = voices[int(rng.integers(len(voices)))]
        part = voice[: length - at]
        said[at : at + len(part)] = part
        at += len(voice) + int(rng.integers(RATE // 5, RATE))
    return said


def _limited(signal: NDArray[np.float64] | Signal) -> Signal:
    return (signal / max(1.0, float(np.abs(signal).max()))).astype(np.float32)


def _noise(length: int, rng: np.random.Generator) -> Signal:
    """Return noise of standard deviation 1 between white and brown."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    tilt = np.arange(1, len(spectrum) + 1) ** -rng.uniform(0, 1)
    shaped = np.fft.irfft(spectrum * tilt, length)
    return (shaped / np.std(shaped)).astype(np.float32)


def _frames(speech: Signal, size: int, step: int, window: NDArray[np.float64]) -> NDArray[np.complex128]:
    views = np.lib.stride_tricks.sliding_window_view(speech, size, axis=1)[:, ::step]
    return np.asarray(np.fft.rfft(views * window, axis=2))


def _mel_filters(size: int, bands: int) -> NDArray[np.float64]:
    """Return triangles of equal area on Slaney's mel scale (linear below 1 kHz), shape (bands, frequencies)."""
    frequencies = np.fft.rfftfreq(size, 1 / RATE)
    top = 15 + 27 * np.log(RATE / 2 / 1000) / np.log(6.4)
    mel = np.linspace(0, top, bands + 2)
    edges = np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (frequencies - low) / (middle - low), (high - frequencies) / (high - middle)
    return np.asarray(np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low))
